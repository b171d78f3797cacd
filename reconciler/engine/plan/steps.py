"""Changes → steps: each with its complete calls, after all that it waits for, ties broken by address."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from reconciler.engine.graph import build_graph, sort_by_dependencies
from reconciler.engine.plan.removals import find_renames
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.references import find_references
from reconciler.kinds.shared.ownership_markers import MARKED_TABLES, is_ownership_marker, is_workspace_group
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.plan import Step
from reconciler.model.resource import Desired


def find_dependencies(
    changes: Mapping[Address, Change],
    world: PlanContext,
    in_file: Desired,
    moved: Mapping[Address, Address] = MappingProxyType({}),
) -> Mapping[Address, frozenset[Address]]:
    """What each change waits for."""
    needed_by: defaultdict[Address, set[Address]] = defaultdict(set)
    for address, resource in in_file.items():
        for need in resource.dependencies:
            needed_by[need].add(address)
    waits = {address: _waits_for(change, changes, world, needed_by) for address, change in changes.items()}
    late = [kind.table for kind in all_kinds().values() if kind.creates_after_deletes]
    for table in late:
        freed = frozenset(
            a for a, change in changes.items() if a.kind == table and isinstance(change, Delete)
        )
        for address, change in changes.items():
            if freed and address.kind == table and isinstance(change, Create):
                waits[address] |= freed
    for address, change in changes.items():
        if isinstance(change, Create) and (before := _before_the_name_is_free(change, changes, world)):
            waits[address] |= before
    _add_ignored_references(changes, waits)
    for source, to in find_renames(changes, moved):
        if not _reaches(source, to, waits):  # made before it is broken
            waits[source] |= {to}
    return waits


def build_steps(
    changes: Mapping[Address, Change],
    world: PlanContext,
    in_file: Desired,
    moved: Mapping[Address, Address] = MappingProxyType({}),
) -> tuple[Step, ...]:
    """The steps of a plan, in an order that respects what they wait for."""
    if not changes:
        return ()
    waits = find_dependencies(changes, world, in_file, moved)
    return tuple(
        Step(
            change=changes[address],
            calls=tuple(_calls(changes[address], world)),
            dependencies=waits[address],
            precondition=None if isinstance(change := changes[address], Create) else change.live,
            also_modifies={
                other: world.live[other] for other in all_kinds()[address.kind].also_modifies(change, world)
            },
        )
        for address in sort_by_dependencies(build_graph(waits))
    )


def _add_ignored_references(
    changes: Mapping[Address, Change], dependencies: dict[Address, frozenset[Address]]
) -> None:
    """Add what is replaced and still referred to, although the file ignores changes of that reference."""
    for address, change in changes.items():
        if not isinstance(change, Update | Replace) or not change.resource.lifecycle.ignore_changes:
            continue
        replaced = {
            reference
            for reference in find_references(change.resource.spec)
            if isinstance(changes.get(reference), Replace)
        }
        dependencies[address] |= {
            reference for reference in replaced if not _reaches(address, reference, dependencies)
        }


def _reaches(before: Address, after: Address, waits: Mapping[Address, frozenset[Address]]) -> bool:
    """Whether the later one waits for the earlier one, be it through others."""
    open_ones, seen = [after], set[Address]()
    while open_ones:
        address = open_ones.pop()
        if address == before:
            return True
        if address not in seen:
            seen.add(address)
            open_ones += waits.get(address, ())
    return False


def _waits_for(
    change: Change,
    changes: Mapping[Address, Change],
    world: PlanContext,
    needed_by: Mapping[Address, set[Address]],
) -> frozenset[Address]:
    """What must have been applied before: for what is to be, its needs; for what goes, everything that had it."""
    if isinstance(change, Forget):
        return frozenset()
    if not isinstance(change, Delete):
        needs = change.resource.dependencies
        if not all(need in changes and not isinstance(changes[need], Delete) for need in needs):
            needs = frozenset(n for n in needs if n in changes and not isinstance(changes[n], Delete))
        return needs | _rid_of(change, changes, world) if isinstance(change, Replace) else needs
    users = {
        user
        for user in world.live_users.get(change.address, ())
        if isinstance(changes.get(user), Delete) or (user in changes and _holds(user, change))
    }
    # A step that runs after the deletion would see that AWS has removed the reference, and be stale.
    users |= {user for user in world.keepers(change.address) if user in changes}
    hidden_holders = all_kinds()[change.address.kind].hidden_holders(change, world)
    users |= {holder for holder in hidden_holders if holder in changes}
    # The marks go last: what bears them would be nobody's without them.
    if is_ownership_marker(world.workspace, change.address):
        all_ = is_workspace_group(world.workspace, change.address)
        users |= {a for a in changes if a != change.address and (all_ or a.kind in MARKED_TABLES)}
    users |= {user for user in needed_by.get(change.address, ()) if isinstance(changes.get(user), Delete)}
    return frozenset(users)


def _before_the_name_is_free(
    change: Create, changes: Mapping[Address, Change], world: PlanContext
) -> frozenset[Address]:
    """What goes from another table under the same name, and what lets go of it: a late word would meet the new one."""
    tables = all_kinds()[change.address.kind].shares_names_with
    gone = {Address(table, change.address.name) for table in tables}
    gone = {address for address in gone if isinstance(changes.get(address), Delete)}
    users = {user for address in gone for user in world.live_users.get(address, ()) if user in changes}
    return frozenset(gone | users)


def _calls(change: Change, world: PlanContext) -> Sequence[ApiCall]:
    kind = all_kinds()[change.address.kind]
    match change:
        case Create():
            return kind.create(change, world)
        case Update():
            return kind.update(change, world)
        case Replace():
            return kind.replace(change, world)
        case Delete():
            return kind.delete(change, world)
        case Forget():
            return kind.forget(change, world)


def _rid_of(change: Replace, changes: Mapping[Address, Change], world: PlanContext) -> set[Address]:
    """Those that have what is replaced, hold it, and are to have it no more."""
    said = all_kinds()[change.address.kind].deletion_blockers is not None
    keep = world.desired_users.get(change.address, ())
    return {
        user
        for user in world.live_users.get(change.address, ())
        if _holds(user, change)
        and (isinstance(changes.get(user), Delete) or (said and user in changes and user not in keep))
    }


def _holds(user: Address, change: Change) -> bool:
    """Whether AWS does not remove a resource while this other one refers to it."""
    held_by = all_kinds()[change.address.kind].deletion_blockers
    return held_by is None or user.kind in held_by
