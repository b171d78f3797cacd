"""Find what a deletion or replacement of a static thing group would remove."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.shared.foreign_policies import find_foreign_policies
from reconciler.kinds.shared.foreign_profiles import find_foreign_profiles
from reconciler.kinds.shared.group_membership import build_workspace_group_name, find_hierarchy_conflicts
from reconciler.kinds.shared.thing_group_spec import ThingGroupFacts
from reconciler.model.address import Address
from reconciler.model.change import Delete, Replace
from reconciler.model.resource import External, NotCompared, Reference
from reconciler.model.text import join_some


def find_deletion_losses(change: Delete, context: PlanContext) -> Iterator[str]:
    """Yield the members, policies and security profiles of a deleted group that are not the workspace's."""
    facts = change.live.get_facts(ThingGroupFacts)
    if isinstance(facts.members, NotCompared):
        return
    things = sorted(set(facts.members) - context.thing_names)
    if things:
        yield f"the membership of things that this workspace does not manage ({join_some(things)})"
    yield from find_foreign_policies(facts.attached_policies, context)
    yield from find_foreign_profiles(change.live, context)


def find_replacement_losses(change: Replace, context: PlanContext) -> Iterator[str]:
    """Yield the errors of a replacement that would lose something that the plan does not restore."""
    contents = change.live.get_facts(ThingGroupFacts).contents
    assert contents
    prefix = "cannot replace: AWS cannot change a group's parent, and replacing the group would lose"
    if change.address.name == build_workspace_group_name(context.workspace):
        yield f"{prefix} the record of the things that the workspace owns; leave its parent as it is"
        return
    for thing, other in find_hierarchy_conflicts(change.address, context):
        yield (
            f"cannot replace: things.{thing} keeps its groups (ignore_changes) and would be in two groups of one "
            f"hierarchy, {change.address.name} and {other}; remove the thing from one of them first"
        )
    lost_policies = sorted(set(contents.policies) - _collect_names(change.live.spec.policies))
    if lost_policies:
        yield f"{prefix} policies that are not in the file ({', '.join(lost_policies)}); detach them first"
    lost_children = sorted(
        child
        for child in contents.children
        if not isinstance(context.changes.get(Address("thing_groups", child)), Delete)
    )
    if lost_children:
        yield (
            f"{prefix} its child groups ({join_some(lost_children)}); remove these groups, or the key `parent` "
            "of each, from the file and apply; then move this group and apply; then add them back"
        )
    lost_members = sorted(set(contents.members) - context.thing_names)
    if lost_members:
        names = join_some(lost_members)
        yield f"{prefix} things that are not in the file ({names}); remove them from the group first"
    for loss in find_foreign_profiles(change.live, context):
        yield f"{prefix} {loss}; detach them first"


def _collect_names(references: Iterable[Reference]) -> set[str]:
    return {reference.id if isinstance(reference, External) else reference for reference in references}
