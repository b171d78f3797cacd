"""Find and read what static thing groups lose when they are deleted or replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.reads import NOT_FOUND, request_each
from reconciler.kinds.shared.principal_reads import read_policies_of
from reconciler.kinds.shared.thing_group_spec import GroupContents, ThingGroup, ThingGroupFacts
from reconciler.model.call import ApiCall
from reconciler.model.resource import External, Live, NotCompared, Reference


def find_deletable(
    groups: Mapping[str, Response], desired: Mapping[str, ThingGroup], scope: Scope
) -> list[str]:
    """Return the groups that a plan may delete; in a re-read, all of them."""
    if scope.previous_states is not None or scope.is_destroy:
        return [*groups]
    return [name for name in groups if name not in desired]


def find_moving(groups: Mapping[str, Response], desired: Mapping[str, ThingGroup]) -> list[str]:
    """Return the groups that the file gives another parent."""
    return [
        name
        for name, group in groups.items()
        if name in desired and find_parent_name(group) != get_name(desired[name].parent)
    ]


def read_contents(names: Sequence[str], arns: Mapping[str, str]) -> Read[dict[str, GroupContents]]:
    """Return the groups at all levels below each group, its things and its policies."""
    child_lists = yield [
        ApiCall("iot", "ListThingGroups", {"parentGroup": name, "recursive": True}, ignored_errors=NOT_FOUND)
        for name in names
    ]
    member_lists = yield from request_each("ListThingsInThingGroup", "thingGroupName", names)
    policies = yield from read_policies_of({name: arns[name] for name in names})
    return {
        name: GroupContents(
            children=tuple(child["groupName"] for child in child_list.get("thingGroups", ())),
            members=tuple(member_list.get("things", ())),
            policies=policies[name],
        )
        for name, child_list, member_list in zip(names, child_lists, member_lists, strict=True)
    }


def read_members(names: Sequence[str], scope: Scope) -> Read[dict[str, tuple[str, ...]]]:
    """Return the things in each group that a plan may delete, by group name.

    A re-read returns them for the groups whose members the previous read returned.
    """
    if scope.previous_states is not None:
        names = [name for name in names if _has_members(scope.previous_states.get(name))]
    responses = yield from request_each("ListThingsInThingGroup", "thingGroupName", names)
    return {
        name: tuple(sorted(response.get("things", ())))
        for name, response in zip(names, responses, strict=True)
    }


def _has_members(live: Live | None) -> bool:
    return live is not None and not isinstance(live.get_facts(ThingGroupFacts).members, NotCompared)


def find_unmanaged_children(group: str, context: PlanContext) -> list[str]:
    """Return the child groups that are not in the inventory, as far as the refresh has described them."""
    return sorted(
        response["thingGroupName"]
        for response in context.outside.iterate_responses("DescribeThingGroup")
        if response
        and find_parent_name(response) == group
        and response["thingGroupName"] not in context.managed_groups
    )


def find_parent_name(group: Response) -> str | None:
    """Return the name of a group's parent, from the group's description."""
    name: str | None = group.get("thingGroupMetadata", {}).get("parentGroupName")
    return name


def get_name(reference: Reference | None) -> str | None:
    """Return the name in AWS of a referenced group, or None without a reference."""
    return reference.name if isinstance(reference, External) else reference
