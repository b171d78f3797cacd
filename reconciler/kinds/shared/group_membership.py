"""What things belong to: static groups, of which AWS admits one in each hierarchy, and one billing group.

Source: AWS IoT developer guide, "Static thing groups": a thing is in at most ten groups, and in no two of one hierarchy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import PREVENT_DESTROY_PATH, Create, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, External, Reference

MAX_GROUPS = 10
"""Static groups that a thing may be in; the workspace's own is one of them."""

_MARK = "reconciler-"

_Parent = Callable[[str], Reference | None]


def workspace_group_name(workspace: str) -> str:
    """The static thing group whose members are the things that the workspace owns."""
    return f"{_MARK}{workspace}"


def protected_group_name(workspace: str) -> str:
    """The static thing group of those of them that must not be destroyed.

    No workspace's own group has this name: its name would have a colon, which AWS admits in no name of a policy.
    """
    return f"{_MARK}{workspace}:protected"


def read_groups_of_things(things: Sequence[str]) -> Any:
    """The static groups that each thing is in, sorted, asked of the things."""
    answers = yield [
        ApiCall("iot", "ListThingGroupsForThing", {"thingName": name}, ignored_errors=NOT_FOUND)
        for name in things
    ]
    return {
        name: sorted(group["groupName"] for group in answer.get("thingGroups", ()))
        for name, answer in zip(things, answers, strict=True)
    }


def read_owners(things: Sequence[str]) -> Any:
    """The workspace, if any, that each thing bears the mark of: asked of those that are wanted and not ours."""
    groups = yield from read_groups_of_things(things)
    return {name: find_owner(found) for name, found in groups.items()}


def find_owner(groups: Sequence[str], workspace: str = "") -> str | None:
    """The workspace, if any, that one of a thing's groups is the mark of; of several one that is not `workspace`."""
    marks = [group.removeprefix(_MARK) for group in groups if group.startswith(_MARK) and ":" not in group]
    return next((mark for mark in marks if mark != workspace), workspace if marks else None)


def check_groups(groups: Sequence[Reference], desired: Desired) -> Iterator[ValueProblem]:
    """Whether a thing can be in all of these groups at once."""
    if len(groups) >= MAX_GROUPS:
        room = MAX_GROUPS - 1
        yield ValueProblem(
            "too-many-items",
            f"{len(groups)} groups, and the one that marks what the workspace owns",
            f"at most {room}",
            path=("thing_groups",),
        )
    for group in groups:
        if _name(group).startswith(_MARK):
            yield ValueProblem(
                "reserved-name",
                f"{_name(group)!r} marks what a workspace owns",
                "another group",
                path=("thing_groups",),
            )
    first: dict[str, str] = {}
    for group in groups:
        name = _name(group)
        other = first.setdefault(_root(name, _parents(desired)), name)
        if other != name:
            what = f"{other!r} and {name!r} are in one hierarchy"
            yield ValueProblem("same-hierarchy", what, "one group of each hierarchy", path=("thing_groups",))


def join(thing: str, group: Any) -> ApiCall:
    """Into a group; again is no mistake."""
    return ApiCall("iot", "AddThingToThingGroup", {"thingGroupName": group, "thingName": thing})


def leave(thing: str, group: Any) -> ApiCall:
    """Out of a group; not being in it is no mistake."""
    params = {"thingGroupName": group, "thingName": thing}
    return ApiCall("iot", "RemoveThingFromThingGroup", params, ignored_errors=NOT_FOUND)


def protect(change: Create | Update, context: PlanContext) -> Iterator[ApiCall]:
    """Into the group of those that must not be destroyed, or out of it."""
    name, group = change.address.name, protected_group_name(context.workspace)
    wanted = change.resource.lifecycle.prevent_destroy
    if isinstance(change, Create) and wanted:
        yield join(name, group)
    elif isinstance(change, Update) and change.has_changed(PREVENT_DESTROY_PATH):
        yield join(name, group) if wanted else leave(name, group)


def move(
    thing: str, before: Iterable[Reference], after: Iterable[Reference], context: PlanContext
) -> Iterator[ApiCall]:
    """From some groups to others: joined before others are left, except where AWS admits no two at once."""
    before, after = list(before), list(after)
    gained = [group for group in after if group not in before]
    lost = [group for group in before if group not in after]
    first = [group for group in lost if any(_related(_name(group), _name(new), context) for new in gained)]
    yield from (leave(thing, _id(group, context)) for group in first)
    yield from (join(thing, _id(group, context)) for group in gained)
    yield from (leave(thing, _id(group, context)) for group in lost if group not in first)


def rejoin_members(group: Address, context: PlanContext) -> Iterator[ApiCall]:
    """The members of a group that has been made anew, as far as the file has them: AWS let go of all of them.

    What they are still in and must not be in beside it they leave first; that their own steps leave it too is no mistake.
    """
    stays = set(context.desired_users.get(group, ()))
    for thing in context.live_users.get(group, ()):
        name = context.thing_name(thing)
        if name is None or thing not in stays:
            continue
        wanted = context.desired[thing].spec.thing_groups
        for other in context.live[thing].spec.thing_groups:
            if other not in wanted and _related(_name(other), group.name, context):
                yield leave(name, _id(other, context))
        yield join(name, group.name)


def move_billing_group(
    thing: str, before: Reference | None, after: Reference | None, context: PlanContext
) -> Iterator[ApiCall]:
    """From one billing group to another. Whether AWS would move it by itself is not documented, so it leaves first."""
    if before == after:
        return
    if before is not None:
        params = {"billingGroupName": context.resolve_identity("billing_groups", before), "thingName": thing}
        yield ApiCall("iot", "RemoveThingFromBillingGroup", params, ignored_errors=NOT_FOUND)
    if after is not None:
        params = {"billingGroupName": context.resolve_identity("billing_groups", after), "thingName": thing}
        yield ApiCall("iot", "AddThingToBillingGroup", params)


def _id(group: Reference, context: PlanContext) -> Any:
    return context.resolve_identity("thing_groups", group)


def _name(group: Reference) -> str:
    return group.name if isinstance(group, External) else group


def _related(one: str, other: str, context: PlanContext) -> bool:
    """Whether two groups are in one hierarchy, before the plan or after it."""
    both = (_parents(context.desired), _parents(context.live))
    return not {_root(one, parent) for parent in both}.isdisjoint({_root(other, parent) for parent in both})


def _parents(inventory: Any) -> _Parent:
    def parent(name: str) -> Reference | None:
        found = inventory.get(Address("thing_groups", name))
        return found.spec.parent if found else None

    return parent


def _root(name: str, parent: _Parent) -> str:
    seen = {name}
    while (above := parent(name)) is not None and _name(above) not in seen:
        name = _name(above)
        seen.add(name)
    return name
