"""Check hierarchies of thing groups that lead outside the file.

Source: AWS IoT developer guide, "Static thing groups": a thing is never in two groups of one hierarchy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reconciler.kinds.base.aws_limits import GROUP_LEVELS
from reconciler.kinds.base.context import PlanContext, build_call_key
from reconciler.kinds.shared.group_membership import build_parent_finder, find_root
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.resource import External, Reference
from reconciler.model.text import quote


def find_hierarchy_errors(groups: Iterable[Reference], context: PlanContext) -> Iterator[str]:
    """Yield an error for each two groups of a thing that only groups outside the file connect.

    Groups that the file connects are checked when it is loaded.
    """
    find_parent = build_parent_finder(context.desired)
    names_by_root: dict[str, tuple[str, str]] = {}
    for group in groups:
        name = group.name if isinstance(group, External) else group
        declared_root = find_root(name, find_parent)
        outside_parents = _find_parents(declared_root, context)
        root = outside_parents[0] if outside_parents else declared_root
        first_name, first_root = names_by_root.setdefault(root, (name, declared_root))
        if first_name != name and first_root != declared_root:
            yield (
                f"cannot be in {quote(first_name)} and {quote(name)}: both are below {quote(root)}, and AWS allows a thing only "
                "one group of each hierarchy; remove one of them"
            )


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


def _find_parents(group: str, context: PlanContext) -> Sequence[str]:
    """Return the groups above a group outside the file, from the root down; none if it was not described."""
    key = build_call_key(ApiCall("iot", "DescribeThingGroup", {"thingGroupName": group}))
    description = context.outside.responses.get(key, {})
    parents = description.get("thingGroupMetadata", {}).get("rootToParentThingGroups", ())
    return [parent["groupName"] for parent in parents]
