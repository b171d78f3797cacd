"""What a provisioned thing is made of, and what else is read of it."""

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
    """What a provisioned thing is made of, as the template wants it or as AWS reports it."""

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
        "The certificate's mode, which is its CA's; only another registration changes it.", default=None
    )
    certificate_status: str | NotCompared | None = member("The certificate's status.", default=None)
    save_to: OutputFile | NotCompared | None = member("Where an issued certificate is saved.", default=None)
    policies: tuple[Reference, ...] = member("The certificate's policies.", references="policies", default=())
    policy_documents: tuple[Document, ...] = member("Policies that the template brings itself.", default=())
    other_certificates: tuple[Reference, ...] = member(
        "Certificates that the thing has beside its own.", references="certificates", default=()
    )


@frozen
class Carried:
    """What a certificate has that is about to be registered anew: its status, the things and the policies of it."""

    status: str
    things: Sequence[str]
    policies: Sequence[str]


@frozen
class ProvisionedThingFacts(PrincipalFacts):
    """What else is read of a provisioned thing.

    `registered` is the id of its certificate, if AWS has it, and `attached` whether the thing has that. Of the thing's
    other certificates, `holders` are the things that have each one that the step detaches, `deletable` those that no
    other thing has, and `active` those that are active. `carried` is what the certificate has, where it has to be
    registered again; `fails` are the fields that the template's OverrideSettings do not let change.
    """

    registered: str | None = None
    attached: bool = False
    holders: Mapping[str, Sequence[str]] = field(factory=dict)
    deletable: frozenset[str] = frozenset()
    active: frozenset[str] = frozenset()
    carried: Carried | None = None
    fails: tuple[str, ...] = ()
