"""The parts of a provisioned thing, and the facts that are read about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.frozen_classes import field, frozen
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

    thing_name: str | None = member("The thing's name, if the thing exists.", api="CreateThing.thingName")
    attributes: Mapping[str, str | Secret] | NotCompared = member(
        "Its attributes.",
        api="CreateThing.attributePayload.attributes",
        drops_empty_values=True,
        factory=dict,
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
        "The certificate's mode, which is its CA's; only registering it again can change it.", default=None
    )
    certificate_status: str | NotCompared | None = member("The certificate's status.", default=None)
    save_to: OutputFile | NotCompared | None = member("The file for an issued certificate.", default=None)
    policies: tuple[Reference, ...] = member("The certificate's policies.", references="policies", default=())
    policy_documents: tuple[Document, ...] = member(
        "The documents of the policies that the template creates.", default=()
    )
    other_certificates: tuple[Reference, ...] = member(
        "Other certificates that the thing has.", references="certificates", default=()
    )


@frozen
class Registration:
    """The status, things and policies of a certificate, which are lost when it is registered again."""

    status: str
    things: Sequence[str]
    policies: Sequence[str]


@frozen
class ProvisionedThingFacts(PrincipalFacts):
    """The facts of a provisioned thing.

    - `registered_id`: the ID of its certificate, if AWS has it; `is_attached`: whether the thing has that certificate;
    - `holders`: certificate ID → the things that have the certificate; only for those of the thing's other certificates that
      the file neither declares nor refers to;
    - `deletable_ids`: the IDs of the certificates in `holders` that no other thing has;
    - `deletable_policies`: the policies of each of these certificates;
    - `active_ids`: the IDs of the thing's other certificates that are active;
    - `previous_registration`: the status, things and policies of its certificate, if that must be registered again;
    - `unchangeable_fields`: the fields that the template's OverrideSettings do not allow to change.
    """

    registered_id: str | None = None
    is_attached: bool = False
    holders: Mapping[str, Sequence[str]] = field(factory=dict)
    deletable_ids: frozenset[str] = frozenset()
    deletable_policies: Mapping[str, tuple[str, ...]] = field(factory=dict)
    active_ids: frozenset[str] = frozenset()
    previous_registration: Registration | None = None
    unchangeable_fields: tuple[str, ...] = ()
