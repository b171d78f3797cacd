"""Why a plan must not be: every reason, before anything is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from reconciler.engine.plan.compare import Comparison
from reconciler.engine.plan.limits import exceeded_limits
from reconciler.engine.plan.prevent_destroy import check_prevent_destroy
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.shared.ownership_markers import is_ownership_marker
from reconciler.model.address import Address
from reconciler.model.change import Delete, Forget, Replace, Update
from reconciler.model.plan_options import PlanOptions
from reconciler.model.settings import DesiredState
from reconciler.model.text import closest_match, join_some


def find_plan_errors(
    state: DesiredState, request: PlanOptions, found: Comparison, world: PlanContext
) -> Iterator[str]:
    """Every one, fuses included."""
    if not request.destroy:  # then all of it is meant
        yield from exceeded_limits(
            state, found.live, found.changes, request.limit_overrides, request.wave_percent
        )
    yield from check_prevent_destroy(state, found, world, destroy=request.destroy)
    for address, change in found.changes.items():
        kind = all_kinds()[address.kind]
        if isinstance(change, Update | Replace) and change.live.owner != state.settings.name:
            yield from _claims(change, request.adopt, state.settings.name)
        for objection in kind.plan_errors(change, world):
            yield f"{address}: {objection}"
    yield from _left_behind(found, world)
    yield from _check_remaining_users(found, world)
    yield from _misled(request.adopt, state, found)


def _misled(adopt: Collection[Address], state: DesiredState, found: Comparison) -> Iterator[str]:
    """What was named for adoption and is nothing to take over. Another workspace's has been told already."""
    there = {
        address: change.live.owner
        for address, change in found.changes.items()
        if isinstance(change, Update | Replace)
    }
    unmarked = [address for address, owner in there.items() if owner is None]
    for address in sorted(adopt):
        if address in there and there[address] != state.settings.name:
            continue
        if address not in state.resources:
            nearest = _nearest(address, unmarked) or _nearest(address, state.resources)
            why = "it is not in the file" + (f"; did you mean {nearest}?" if nearest else "")
        elif address in found.live:
            why = "it is this workspace's already"
        else:
            why = "it is not there yet, and the plan creates it"
        yield f"{address}: there is nothing to adopt: {why}"


def _left_behind(found: Comparison, world: PlanContext) -> Iterator[str]:
    """What is forgotten keeps what it has, and AWS deletes nothing that is had."""
    for address, change in found.changes.items():
        held_by = all_kinds()[address.kind].deletion_blockers
        if not isinstance(change, Delete) or is_ownership_marker(world.workspace, address):
            continue
        for user in world.live_users.get(address, ()):
            if isinstance(world.changes.get(user), Forget) and (held_by is None or user.kind in held_by):
                yield f"{address}: the plan would delete it, and {user}, which is to be forgotten, has it; forget it too"


def _check_remaining_users(comparison: Comparison, context: PlanContext) -> Iterator[str]:
    """Yield deletions that AWS would reject because a resource still refers to the deleted one after this plan."""
    kinds = all_kinds()
    for address, change in comparison.changes.items():
        kind = kinds[address.kind]
        is_replaced = isinstance(change, Replace) and not kind.survives_replacement(change)
        is_deleted = isinstance(change, Delete) and not is_ownership_marker(context.workspace, address)
        if not (is_replaced or is_deleted):
            continue
        blockers = kind.deletion_blockers
        users = [
            user for user in context.live_users.get(address, ()) if blockers is None or user.kind in blockers
        ]
        if is_replaced:
            remaining = [user for user in users if isinstance(context.changes.get(user), Forget)]
        else:
            remaining = [user for user in users if context.keeps(user, address)]
        if remaining and not any(kind.plan_errors(change, context)):  # the kind's own error has more detail
            action = "replace" if is_replaced else "delete"
            names = join_some(map(str, remaining))
            yield f"{address}: cannot {action}: still used after this plan by {names}; remove that reference first"


def _claims(change: Update | Replace, adopt: Collection[Address], workspace: str) -> Iterator[str]:
    """An unmarked resource is taken over when asked for, or when we left it so ourselves."""
    owner = change.live.owner
    if owner is not None:
        yield f"{change.address}: it belongs to the workspace {owner!r}, not to {workspace!r}"
    elif change.address not in adopt and not all_kinds()[change.address.kind].is_interrupted_create(change):
        yield (
            f"{change.address}: it exists and does not bear this workspace's mark; "
            f"adopt it with --adopt {change.address} to let the plan take it over"
        )


def _nearest(address: Address, valid: Iterable[Address]) -> str | None:
    """The nearest name of its kind; where nothing is of that kind, the nearest address."""
    addresses = list(valid)
    names = [found.name for found in addresses if found.kind == address.kind]
    if not names:
        return closest_match(str(address), [*map(str, addresses)])
    name = closest_match(address.name, names)
    return f"{address.kind}.{name}" if name else None
