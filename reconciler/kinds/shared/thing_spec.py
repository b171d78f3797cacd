"""The fields of a thing.

Source: AWS IoT API reference, CreateThing and AttachThingPrincipal; AWS General Reference, AWS IoT Device Management quotas.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType

from reconciler.frozen_classes import field, frozen
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.cognito_identities import declare_identities
from reconciler.model.resource import NotCompared, Reference

NO_HOLDERS: Mapping[str, tuple[str, ...]] = MappingProxyType({})
"""Shared by most things, to save memory."""


@frozen
class Thing:
    """`[things.*]`."""

    thing_type: Reference | None = member(
        "The thing's type.", api="CreateThing.thingTypeName", references="thing_types", default=None
    )
    attributes: Mapping[str, str] = member(
        "Searchable facts about the device.",
        api="CreateThing.attributePayload.attributes",
        drops_empty_values=True,
        factory=dict,
    )
    thing_groups: tuple[Reference, ...] = member(
        "The static groups that it belongs to.", references="thing_groups", default=()
    )
    certificates: tuple[Reference, ...] = member(
        "The device certificates attached to it.", references="certificates", default=()
    )
    billing_group: Reference | None = member(
        "The billing group that it belongs to.",
        api="CreateThing.billingGroupName",
        references="billing_groups",
        default=None,
    )
    exclusive: bool | NotCompared = member(
        "Whether no other thing may have its certificates.",
        api="AttachThingPrincipal.thingPrincipalType",
        default=False,
    )
    cognito_identities: tuple[str, ...] | NotCompared = declare_identities(
        "The IDs of the Amazon Cognito identities that are attached to it."
    )


@frozen(slots=True)
class PrincipalFacts:
    """The ARNs of the principals that a thing, or a provisioned thing, has exclusively."""

    exclusive_arns: frozenset[str]


@frozen
class ThingFacts(PrincipalFacts):
    """Further facts about a live thing.

    - `principals`: the ARNs of all its principals;
    - `other_holders`: the other things with each certificate that the thing has and must get exclusively, by the
      certificate's ARN; without certificates of no other thing;
    - `managed_things`: if the thing must get its certificates exclusively, all things that the file declared or the workspace
      managed when the plan was made.
    """

    principals: tuple[str, ...] = ()
    other_holders: Mapping[str, tuple[str, ...]] = NO_HOLDERS
    managed_things: AbstractSet[str] = field(default=frozenset(), eq=False, repr=False)
