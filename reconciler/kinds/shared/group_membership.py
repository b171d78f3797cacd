"""The groups of a thing: static groups, at most one in each hierarchy, and one billing group.

Source: AWS IoT developer guide, "Static thing groups": a thing is in at most ten groups, and never in two of one hierarchy.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from reconciler.kinds.base.aws_limits import THING_STATIC_GROUPS
from reconciler.kinds.base.context import PlanContext, Read
from reconciler.kinds.base.reads import NOT_FOUND, request_each
from reconciler.kinds.base.workspace_groups import PREFIX, find_group_workspace
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Ref
from reconciler.model.change import PREVENT_DESTROY_PATH, Create, Update
from reconciler.model.diagnostic import ValuePath, ValueProblem
from reconciler.model.resource import Desired, External, Inventory, Reference
from reconciler.model.text import quote

_MAX_MARKERS = 2
"""The workspace's own groups that a thing may be in."""

_MAX_SEARCHED_LEVELS = 64
"""The maximum number of levels that are searched for the top of a hierarchy. AWS allows seven; a wrong file can declare more."""

_MAX_NAMED_GROUPS = 5
"""The maximum number of groups that a problem names."""

ParentFinder = Callable[[str], Reference | None]


# ── ownership by membership ───────────────────────────────────────────────────────────────────────


def build_workspace_group_name(workspace: str) -> str:
    """Return the name of the static thing group that contains the things that the workspace owns."""
    return f"{PREFIX}{workspace}"


def build_protected_group_name(workspace: str) -> str:
    """Return the name of the static thing group that contains the owned things with `prevent_destroy`.

    It differs from every workspace's group: a workspace's name cannot have a colon, as it is part of a policy's name, in
    which AWS allows none.
    """
    return f"{PREFIX}{workspace}:protected"


def read_groups_of_things(things: Sequence[str]) -> Read[dict[str, list[str]]]:
    """Return the sorted names of the static groups that each thing is in."""
    responses = yield from request_each("ListThingGroupsForThing", "thingName", things)
    return {
        name: sorted(group["groupName"] for group in response.get("thingGroups", ()))
        for name, response in zip(things, responses, strict=True)
    }


def read_owners(things: Sequence[str]) -> Read[dict[str, str | None]]:
    """Return the workspace that owns each thing, if any."""
    groups_by_thing = yield from read_groups_of_things(things)
    return {name: find_owner(groups) for name, groups in groups_by_thing.items()}


def find_owner(groups: Sequence[str], workspace: str = "") -> str | None:
    """Return the workspace whose own group is among a thing's groups.

    If there are several such workspaces, one other than `workspace` is returned, so that the thing does not count as
    `workspace`'s.
    """
    owners = [owner for owner in map(find_group_workspace, groups) if owner is not None]
    others = [owner for owner in owners if owner != workspace]
    if others:
        return others[0]
    return workspace if owners else None


# ── checks ────────────────────────────────────────────────────────────────────────────────────────


def check_groups(
    groups: Sequence[Reference], desired: Desired, *, is_protected: bool
) -> Iterator[ValueProblem]:
    """Yield a problem if a thing has too many groups, a reserved one, or two of one hierarchy.

    `is_protected` is whether the thing will be in the group of protected things, too.
    """
    path = ("thing_groups",)
    yield from check_group_count(len(groups), path, is_protected=is_protected)
    names = [get_group_name(group) for group in groups]
    for name in names:
        if name.startswith(PREFIX):
            problem = f"{quote(name)} is reserved for the things that a workspace owns"
            yield ValueProblem("reserved-name", problem, "another group", path=path)
    for names_in_hierarchy in _group_by_hierarchy(dict.fromkeys(names), desired):
        if len(names_in_hierarchy) > 1:
            *others, last = map(quote, names_in_hierarchy[:_MAX_NAMED_GROUPS])
            omitted_count = len(names_in_hierarchy) - _MAX_NAMED_GROUPS
            more = f" ({omitted_count:,} more are not named here)" if omitted_count > 0 else ""
            problem = f"{', '.join(others)} and {last} are in one hierarchy{more}"
            yield ValueProblem("same-hierarchy", problem, "one group of each hierarchy", path=path)


def _group_by_hierarchy(names: Iterable[str], desired: Desired) -> Collection[Sequence[str]]:
    """Return the names in groups: those of one hierarchy together."""
    find_parent = build_parent_finder(desired)
    names_by_root: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        names_by_root[find_root(name, find_parent)].append(name)
    return names_by_root.values()


def check_group_count(count: int, path: ValuePath, *, is_protected: bool) -> Iterator[ValueProblem]:
    """Yield a problem if a thing has too many groups to join the workspace's own ones."""
    own_group_count = 2 if is_protected else 1
    own_groups = "the workspace's own group"
    if is_protected:
        own_groups = "the workspace's own two groups (the second is for prevent_destroy)"
    yield from THING_STATIC_GROUPS.check(count, path, reserved=own_group_count, reserved_for=own_groups)


# ── calls ─────────────────────────────────────────────────────────────────────────────────────────


def join(thing: str, group: str | Ref) -> ApiCall:
    """Return the call that adds a thing to a group; it succeeds if the thing is already in it."""
    return ApiCall("iot", "AddThingToThingGroup", {"thingGroupName": group, "thingName": thing})


def leave(thing: str, group: str | Ref) -> ApiCall:
    """Return the call that removes a thing from a group; it succeeds if the thing is not in it."""
    params = {"thingGroupName": group, "thingName": thing}
    return ApiCall("iot", "RemoveThingFromThingGroup", params, ignored_errors=NOT_FOUND)


def change_markers(name: str, change: Update, context: PlanContext) -> Iterator[ApiCall]:
    """Yield the calls that mark a thing as owned, and change its protection, if necessary."""
    if change.has_changed("workspace"):
        yield join(name, build_workspace_group_name(context.workspace))
    yield from change_protection(name, change, context)


def change_protection(name: str, change: Create | Update, context: PlanContext) -> Iterator[ApiCall]:
    """Yield the call that adds a thing to the group of protected things or removes it, if necessary."""
    group = build_protected_group_name(context.workspace)
    is_protected = change.resource.lifecycle.prevent_destroy
    if isinstance(change, Create) and is_protected:
        yield join(name, group)
    elif isinstance(change, Update) and change.has_changed(PREVENT_DESTROY_PATH):
        yield join(name, group) if is_protected else leave(name, group)


def has_room_for_markers(groups: Iterable[Reference]) -> bool:
    """Return whether a thing in these groups can join the workspace's own two groups before it leaves any."""
    return len([*groups]) + _MAX_MARKERS <= THING_STATIC_GROUPS.maximum


def move(
    thing: str, before: Iterable[Reference], after: Iterable[Reference], context: PlanContext
) -> Iterator[ApiCall]:
    """Yield the calls that change a thing's static groups.

    The thing is added to new groups before it is removed from old ones, with two exceptions. An old group in the hierarchy of a
    new one is left first: AWS does not allow two groups of one hierarchy. All old groups are left first if the thing would
    otherwise be in too many groups for a moment.
    """
    before, after = list(before), list(after)
    removed_first = _select_removed_first(before, after, context)
    removed_last = [group for group in before if group not in after and group not in removed_first]
    yield from (leave(thing, _resolve(group, context)) for group in removed_first)
    yield from (join(thing, _resolve(group, context)) for group in after if group not in before)
    yield from (leave(thing, _resolve(group, context)) for group in removed_last)


def count_groups_at_a_time(
    before: Iterable[Reference], after: Iterable[Reference], context: PlanContext, *, is_protected: bool
) -> int:
    """Return the largest number of groups that a thing is in while it changes its groups."""
    before, after = list(before), list(after)
    marker_count = _MAX_MARKERS if is_protected else 1
    first_count = len(before) + (marker_count if has_room_for_markers(before) else 0)
    removed_count = len(_select_removed_first(before, after, context))
    added_count = sum(group not in before for group in after)
    return max(first_count, len(before) - removed_count + added_count + marker_count)


def _select_removed_first(
    before: Sequence[Reference], after: Sequence[Reference], context: PlanContext
) -> list[Reference]:
    """Return the groups that a thing leaves before it joins new ones."""
    added = [group for group in after if group not in before]
    exceeds_limit = len(before) + len(added) + _MAX_MARKERS > THING_STATIC_GROUPS.maximum
    return [
        group
        for group in before
        if group not in after
        and (
            exceeds_limit
            or any(_share_hierarchy(get_group_name(group), get_group_name(other), context) for other in added)
        )
    ]


def rejoin_members(group: Address, context: PlanContext) -> Iterator[ApiCall]:
    """Yield the calls that add a replaced group's members to it again, if the plan keeps them in it.

    Before that, they are removed from the groups of its hierarchy that they leave. The members' own steps make the same calls;
    AWS accepts the repetition.
    """
    for member in context.find_remaining_users(group):
        thing = context.find_thing_name(member)
        if thing is None:
            continue
        groups = _find_groups_after_plan(member, context)
        for other in context.live[member].spec.thing_groups:
            if other not in groups and _share_hierarchy(get_group_name(other), group.name, context):
                yield leave(thing, _resolve(other, context))
        yield join(thing, group.name)


def find_hierarchy_conflicts(group: Address, context: PlanContext) -> Iterator[tuple[str, str]]:
    """Yield the things that the replacement of a group would put into two groups of one hierarchy.

    One of the two is the replaced group, in which the thing stays. Each item has the names of the thing and of the other group.
    """
    find_parent = build_parent_finder(context.desired)
    for thing in context.find_remaining_users(group):
        name = context.find_thing_name(thing)
        if name is None:
            continue
        for other in map(get_group_name, _find_groups_after_plan(thing, context)):
            if other != group.name and find_root(other, find_parent) == find_root(group.name, find_parent):
                yield name, other


def _find_groups_after_plan(thing: Address, context: PlanContext) -> Iterable[Reference]:
    """Return the groups of a thing after the plan is applied, including those that `ignore_changes` keeps."""
    change = context.changes.get(thing)
    resource = change.resource if isinstance(change, Update) else context.live[thing]
    groups: Iterable[Reference] = resource.spec.thing_groups
    return groups


def move_billing_group(
    thing: str, before: Reference | None, after: Reference | None, context: PlanContext
) -> Iterator[ApiCall]:
    """Yield the calls that change a thing's billing group.

    The thing is removed from the old one first. UNCONFIRMED: whether adding it to the new one would be enough.
    """
    if before == after:
        return
    if before is not None:
        group = context.resolve_identity("billing_groups", before)
        params = {"billingGroupName": group, "thingName": thing}
        yield ApiCall("iot", "RemoveThingFromBillingGroup", params, ignored_errors=NOT_FOUND)
    if after is not None:
        group = context.resolve_identity("billing_groups", after)
        yield ApiCall("iot", "AddThingToBillingGroup", {"billingGroupName": group, "thingName": thing})


def _resolve(group: Reference, context: PlanContext) -> str | Ref:
    return context.resolve_identity("thing_groups", group)


# ── hierarchies ───────────────────────────────────────────────────────────────────────────────────


def get_group_name(group: Reference) -> str:
    """Return the name in AWS of a referenced group."""
    return group.name if isinstance(group, External) else group


def _share_hierarchy(name: str, other: str, context: PlanContext) -> bool:
    """Return whether two groups are in one hierarchy before the plan, after it, or while it is applied."""
    parents = (build_parent_finder(context.desired), build_parent_finder(context.live))
    roots = {find_root(name, find_parent) for find_parent in parents}
    return not roots.isdisjoint({find_root(other, find_parent) for find_parent in parents})


def build_parent_finder(resources: Desired | Inventory) -> ParentFinder:
    """Return a function that returns the parent of a group, as far as `resources` have the group."""

    def find_parent(name: str) -> Reference | None:
        group = resources.get(Address("thing_groups", name))
        return group.spec.parent if group else None

    return find_parent


def find_root(name: str, find_parent: ParentFinder) -> str:
    """Return the group at the top of a group's hierarchy.

    In a cycle, and in a hierarchy with far more levels than AWS allows, the result is one of its groups.
    """
    for _ in range(_MAX_SEARCHED_LEVELS):
        parent = find_parent(name)
        if parent is None:
            break
        name = get_group_name(parent)
    return name
