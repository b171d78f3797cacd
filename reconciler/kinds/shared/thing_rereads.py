"""Read things, their groups and their principals again, right before a step changes them.

AWS describes one thing at a time, and lists the groups of one thing at a time. If re-reads list things, the other direction takes
few calls in an account with few groups: the pages of all things, and those of each group's members, serve all re-reads of a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.kinds.base.context import Read, Response, Scope
from reconciler.kinds.base.indexed_response import collect_values
from reconciler.kinds.base.reads import (
    PAGE_SIZE,
    has_more_pages,
    list_each,
    merge_reads,
    request_each,
)
from reconciler.kinds.shared import group_membership
from reconciler.kinds.shared.principal_reads import describe_things, find_existing_things
from reconciler.model.call import ApiCall
from reconciler.model.errors import NO_ACCESS_CODES

_MAX_GROUPS = 12
"""The most groups whose members are listed. AWS allows 25 pages of members in a second, which others need as well."""


def reread_things(names: Sequence[str], scope: Scope) -> Read[dict[str, Response]]:
    """Return the existing things with these names, by name, with their billing groups."""
    max_pages = scope.reread_pages.get("things", 0)
    if not names or not max_pages:
        return (yield from describe_things(names))
    things, billing_groups = yield from merge_reads(
        find_existing_things(names, scope),
        _read_groups_by_thing(
            names,
            max_pages,
            ("ListBillingGroups", "billingGroups"),
            ("ListThingsInBillingGroup", "billingGroupName"),
        ),
    )
    if billing_groups is None:
        return (yield from describe_things(names))
    return {
        name: {**thing, "billingGroupName": next(iter(billing_groups[name]), None)}
        for name, thing in things.items()
    }


def read_connections(names: Sequence[str], scope: Scope) -> Read[dict[str, tuple[Response, list[str]]]]:
    """Return, for each thing, the response with its principals and the sorted names of its groups."""
    principals, groups = yield from merge_reads(
        request_each("ListThingPrincipalsV2", "thingName", names), _read_groups(names, scope)
    )
    return {name: (response, groups[name]) for name, response in zip(names, principals, strict=True)}


def _read_groups(names: Sequence[str], scope: Scope) -> Read[dict[str, list[str]]]:
    max_pages = scope.reread_pages.get("things", 0)
    if names and max_pages:
        groups = yield from _read_groups_by_thing(
            names,
            max_pages,
            ("ListThingGroups", "thingGroups"),
            ("ListThingsInThingGroup", "thingGroupName"),
        )
        if groups is not None:
            return groups
    return (yield from group_membership.read_groups_of_things(names))


def _read_groups_by_thing(
    names: Sequence[str], max_pages: int, groups_listing: tuple[str, str], members_listing: tuple[str, str]
) -> Read[dict[str, list[str]] | None]:
    """Return the sorted names of each thing's groups, from the members of all groups.

    Each group has at most `max_pages` pages of members. `groups_listing` is the operation that lists groups, and the member of its response
    with them; `members_listing` is the one that lists members, and its parameter with the group.
    None if that takes too many calls, or if the caller may not list groups.
    """
    (listing, items), (member_listing, parameter) = groups_listing, members_listing
    (response,) = yield [ApiCall("iot", listing, max_items=PAGE_SIZE, ignored_errors=NO_ACCESS_CODES)]
    if items not in response or has_more_pages(response) or len(response[items]) > _MAX_GROUPS:
        return None
    groups = sorted(item["groupName"] for item in response[items])
    responses = yield from list_each(member_listing, parameter, groups, max_pages)
    if responses is None:
        return None
    return _invert(dict(zip(groups, responses, strict=True)), names)


def _invert(members: Mapping[str, Response], names: Sequence[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {name: [] for name in names}
    for group, response in members.items():
        things = collect_values(response, "things")
        for name in names:
            if name in things:
                groups[name].append(group)
    return groups
