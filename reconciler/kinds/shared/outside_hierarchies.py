"""Check hierarchies of thing groups that lead outside the file.

Source: AWS IoT developer guide, "Static thing groups": a thing is never in two groups of one hierarchy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reconciler.kinds.base.aws_limits import GROUP_CHILDREN, GROUP_LEVELS
from reconciler.kinds.base.context import PlanContext, Response, build_call_key
from reconciler.kinds.shared.group_membership import (
    build_parent_finder,
    find_root,
    get_group_name,
)
from reconciler.kinds.shared.thing_group_reads import find_unmanaged_children
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Create, Replace
from reconciler.model.resource import Reference
from reconciler.model.text import quote


def find_hierarchy_errors(groups: Iterable[Reference], context: PlanContext) -> Iterator[str]:
    """Yield an error for each two groups of a thing that only groups outside the file connect.

    Groups that the file connects are checked when it is loaded.
    """
    find_parent = build_parent_finder(context.desired)
    names_by_root: dict[str, tuple[str, str]] = {}
    for group in groups:
        name = get_group_name(group)
        declared_root = find_root(name, find_parent)
        root = find_hierarchy_root(name, context)
        first_name, first_root = names_by_root.setdefault(root, (name, declared_root))
        if first_name != name and first_root != declared_root:
            yield (
                f"cannot be in {quote(first_name)} and {quote(name)}: both are below {quote(root)}, and AWS allows a thing only "
                "one group of each hierarchy; remove one of them"
            )


def find_hierarchy_root(group: str, context: PlanContext) -> str:
    """Return the group at the top of a group's hierarchy, as far as the plan knows the hierarchy."""
    declared_root = find_root(group, build_parent_finder(context.desired))
    outside_parents = _find_parents(declared_root, context)
    return outside_parents[0] if outside_parents else declared_root


def find_level_errors(group: Address, context: PlanContext) -> Iterator[str]:
    """Yield an error for a new group that is too deep below a group outside the file."""
    level = 1
    resource = context.desired.get(group)
    while resource and isinstance(resource.spec.parent, str):
        level += 1
        resource = context.desired.get(Address(group.kind, resource.spec.parent))
    if not resource or resource.spec.parent is None:
        return  # the file has the whole hierarchy
    level += 1 + len(_find_parents(resource.spec.parent.name, context))
    if level > GROUP_LEVELS.maximum:
        yield (
            f"cannot create: it would be on level {level} of its hierarchy, and AWS allows {GROUP_LEVELS.maximum} levels of "
            "thing groups; choose a parent on a higher level"
        )


def find_child_count_errors(group: Address, parent: Reference | None, context: PlanContext) -> Iterator[str]:
    """Yield an error if a parent would get too many child groups, with those of others.

    It is reported for the last of the new groups. A parent whose groups are all in the file is checked when the file is loaded.
    """
    if parent is None:
        return
    name = get_group_name(parent)
    others = find_unmanaged_children(name, context)
    if not others and isinstance(parent, str):
        return
    children = [
        address
        for address, resource in context.desired.items()
        if address.kind == group.kind and resource.spec.parent in {parent, name}
    ]
    new_children = [
        address for address in children if isinstance(context.changes.get(address), Create | Replace)
    ]
    count = len(children) + len(others)
    if count > GROUP_CHILDREN.maximum and group == max(new_children):
        yield (
            f"cannot create: {quote(name)} would have {count:,} child groups with those of others, and AWS allows "
            f"{GROUP_CHILDREN.maximum}; choose another parent"
        )


def _find_parents(group: str, context: PlanContext) -> Sequence[str]:
    """Return the groups above a group outside the file, from the root down; none if it was not described."""
    metadata = _get_description(group, context).get("thingGroupMetadata", {})
    return [parent["groupName"] for parent in metadata.get("rootToParentThingGroups", ())]


def _get_description(group: str, context: PlanContext) -> Response:
    """Return how AWS describes a group, or an empty response if the refresh has not described it."""
    key = build_call_key(ApiCall("iot", "DescribeThingGroup", {"thingGroupName": group}))
    return context.outside.responses.get(key, {})
