"""Read the members of groups, and build live things from what was read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from sys import intern

from reconciler.kinds.base.context import Read, Response, Scope
from reconciler.kinds.base.reads import request_each
from reconciler.kinds.shared import certificate_attachments
from reconciler.kinds.shared.billing_group_facts import BillingGroupFacts
from reconciler.kinds.shared.cognito_identities import select_compared
from reconciler.kinds.shared.principal_reads import select_external_names
from reconciler.kinds.shared.secret_attributes import hide_secrets
from reconciler.kinds.shared.thing_group_spec import ThingGroupFacts
from reconciler.kinds.shared.thing_spec import Thing, ThingFacts
from reconciler.model.resource import (
    NOT_COMPARED,
    External,
    Live,
    NotCompared,
    Reference,
    extract_name_from_arn,
)

_EMPTY_SET = frozenset[str]()


def read_group_members(scope: Scope) -> Read[dict[str, frozenset[str]]]:
    """Return the members of each live static group, and of each external one that things refer to.

    The members of groups that the plan may delete have been read with the groups.
    """
    references = [group for thing in scope.iterate_resources("things") for group in thing.spec.thing_groups]
    live_groups = {
        live.identity: live.get_facts(ThingGroupFacts).members for live in scope.get_live("thing_groups")
    }
    known_members = {
        name: frozenset(members)
        for name, members in live_groups.items()
        if not isinstance(members, NotCompared)
    }
    unread_groups = (live_groups.keys() | select_external_names(references)) - known_members.keys()
    members = yield from _read_members("ListThingsInThingGroup", "thingGroupName", sorted(unread_groups))
    return known_members | members


def read_billing_group_members(scope: Scope) -> Read[dict[str, frozenset[str]]]:
    """Return the members of each live billing group, and of each external one that things refer to."""
    references = [thing.spec.billing_group for thing in scope.iterate_resources("things")]
    live_groups = {
        live.identity: live.get_facts(BillingGroupFacts).members for live in scope.get_live("billing_groups")
    }
    known_members = {name: frozenset(members) for name, members in live_groups.items() if members is not None}
    unread_groups = (live_groups.keys() | select_external_names(references)) - known_members.keys()
    members = yield from _read_members("ListThingsInBillingGroup", "billingGroupName", sorted(unread_groups))
    return known_members | members


def _read_members(operation: str, member: str, groups: Sequence[str]) -> Read[dict[str, frozenset[str]]]:
    responses = yield from request_each(operation, member, groups)
    return {
        group: frozenset(response.get("things", ()))
        for group, response in zip(groups, responses, strict=True)
    }


def map_things_to_groups(members: Mapping[str, Iterable[str]]) -> Mapping[str, list[str]]:
    """Return the groups of each thing, from the members of each group."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for group, names in members.items():
        for name in names:
            groups[name].append(group)
    return groups


def hide_thing_secrets(thing: Response, secret_names: Collection[str]) -> Response:
    """Return the thing with the values of the attributes in `secret_names` as secrets."""
    if not secret_names:
        return thing
    attributes = hide_secrets(thing.get("attributes", {}), secret_names, thing["thingName"])
    return {**thing, "attributes": attributes}


def to_live(  # noqa: PLR0913 (what a live thing is made of)
    thing: Response,
    *,
    principals: Response,
    groups: Sequence[str],
    billing_groups: Sequence[str],
    desired: Thing | None,
    reference: Thing | None,
    other_holders: Mapping[str, tuple[str, ...]],
    managed_things: AbstractSet[str],
) -> Live:
    """Return a live thing, built from AWS's responses.

    `reference` decides whether its Cognito identities are compared.
    """
    attachments = sorted(principals.get("thingPrincipalObjects", ()), key=lambda item: str(item["principal"]))
    # Live certificates and the targets of policies have the same ARNs; sharing their text saves memory in a large fleet.
    exclusive_by_arn = {
        intern(item["principal"]): item.get("thingPrincipalType") == certificate_attachments.EXCLUSIVE_THING
        for item in attachments
    }
    certificate_arns = [arn for arn in exclusive_by_arn if ":cert/" in arn]
    certificates: tuple[Reference, ...] = tuple(
        External(extract_name_from_arn(arn)) for arn in certificate_arns
    )
    attributes = thing.get("attributes", {})
    # One value instead of two equal ones saves memory in a large fleet.
    if desired and desired.certificates == certificates:
        certificates = desired.certificates
    if desired and desired.attributes == attributes:
        attributes = desired.attributes
    thing_type = thing.get("thingTypeName")
    billing_group = thing.get("billingGroupName") or next(iter(billing_groups), None)
    spec = Thing(
        thing_type=External(thing_type) if thing_type else None,
        attributes=attributes,
        thing_groups=tuple(External(group) for group in sorted(groups)),
        certificates=certificates,
        billing_group=External(billing_group) if billing_group else None,
        exclusive=_summarize_exclusive([exclusive_by_arn[arn] for arn in certificate_arns], desired),
        cognito_identities=select_compared(exclusive_by_arn, reference),
    )
    exclusive_arns = frozenset(arn for arn, exclusive in exclusive_by_arn.items() if exclusive)
    facts = ThingFacts(
        exclusive_arns=exclusive_arns or _EMPTY_SET,
        principals=tuple(exclusive_by_arn),
        other_holders=other_holders,
        managed_things=managed_things if desired and desired.exclusive is True else _EMPTY_SET,
    )
    return Live(thing["thingName"], spec, thing["version"], facts=facts)


def _summarize_exclusive(values: Sequence[bool], desired: Thing | None) -> bool | NotCompared:
    """Return whether a thing has its certificates exclusively, given for each certificate whether it does.

    If it has only some of them exclusively, the opposite of the desired value is returned, so that a plan changes the rest.
    For a thing that is not in the file, the result is then true.
    """
    if not values:
        return NOT_COMPARED
    return all(values) if desired is not None and desired.exclusive else any(values)
