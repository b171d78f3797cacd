"""The parts of a provisioned thing, and the facts that are read of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.thing_spec import PrincipalFacts
from reconciler.model.document import Document
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import NotCompared, Reference
from reconciler.model.secret import Secret


@frozen
class Provisioned:
    """The parts of a provisioned thing, as its template describes them or as AWS reports them."""

    thing_name: str | None = member("The thing.", api="CreateThing.thingName")
    attributes: Mapping[str, str | Secret] | NotCompared = member(
        "Its attributes.", api="CreateThing.attributePayload.attributes", factory=dict
    )
    thing_type: Reference | NotCompared | None = member(
        "Its type.", api="CreateThing.thingTypeName", references="thing_types", default=None
    )
    thing_groups: tuple[Reference, ...] | NotCompared = member(
        "Its static groups.", references="thing_groups", default=()
    )
    billing_group: Reference | NotCompared | None = member(
        "Its billing group.", api="CreateThing.billingGroupName", references="billing_groups", default=None
    )
    certificate: Pem | NotCompared | None = member("Its certificate.", default=None)
    ca: Reference | None = member(
        "The file's CA that signed it.", references="ca_certificates", on_change="create_only", default=None
    )
    certificate_mode: str | NotCompared | None = member(
        "The certificate's mode, which is its CA's; AWS changes it only by registering again.", default=None
    )
    certificate_status: str | NotCompared | None = member("The certificate's status.", default=None)
    save_to: OutputFile | NotCompared | None = member("The file for an issued certificate.", default=None)
    policies: tuple[Reference, ...] = member("The certificate's policies.", references="policies", default=())
    policy_documents: tuple[Document, ...] = member("Policies that the template creates.", default=())
    other_certificates: tuple[Reference, ...] = member(
        "Other certificates that the thing has.", references="certificates", default=()
    )


@frozen
class Registration:
    """The status, things and policies of a certificate that must be registered again, and loses them by that."""

    status: str
    things: Sequence[str]
    policies: Sequence[str]


@frozen
class ProvisionedThingFacts(PrincipalFacts):
    """The facts of a provisioned thing.

    - `registered` is the id of its certificate, if AWS has it, and `attached` whether the thing has that certificate;
    - `holders` are the things that have each other certificate of the thing, where the step detaches only those;
    - `deletable` are the other certificates that no other thing has, and `active` those that are active;
    - `previous_registration` is what the certificate has, if it must be registered again;
    - `unchangeable` are the fields that the template's OverrideSettings do not allow to change.
    """

    registered: str | None = None
    attached: bool = False
    holders: Mapping[str, Sequence[str]] = field(factory=dict)
    deletable: frozenset[str] = frozenset()
    active: frozenset[str] = frozenset()
    previous_registration: Registration | None = None
    unchangeable: tuple[str, ...] = ()
