"""Turn changes into steps with all their calls, ordered by dependencies and then by address."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import chain

from reconciler.engine.graph import sort_by_dependencies
from reconciler.engine.plan.compare import Comparison
from reconciler.engine.plan.diff import OWNERSHIP_PATH
from reconciler.engine.plan.removals import find_deletion_blockers
from reconciler.engine.plan.replaced_references import find_users_to_delete, is_deleted_by_dependency
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.references import find_references
from reconciler.kinds.shared.ownership_markers import MARKED_TABLES, is_ownership_marker, is_workspace_group
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.plan import LazySteps, Step
from reconciler.model.resource import Desired


class StepDependencies(Mapping[Address, frozenset[Address]]):
    """The addresses of the changes that must be applied before each change.

    Those of a new or updated resource are mostly its dependencies in the file, and are found whenever they are used, to save memory.
    The others, and those that are `set`, are stored.
    """

    def __init__(self, changes: Mapping[Address, Change]) -> None:
        self._changes = changes
        self._stored: dict[Address, frozenset[Address]] = {}

    def __getitem__(self, address: Address) -> frozenset[Address]:
        stored = self._stored.get(address)
        if stored is not None:
            return stored
        change = self._changes[address]
        assert isinstance(change, Create | Update), "the dependencies of any other change are stored"
        return _find_changed_dependencies(change, self._changes)

    def __iter__(self) -> Iterator[Address]:
        return iter(self._changes)

    def __len__(self) -> int:
        return len(self._changes)

    def set(self, address: Address, dependencies: frozenset[Address]) -> None:
        """Store the dependencies of a change."""
        self._stored[address] = dependencies

    def add(self, address: Address, dependencies: AbstractSet[Address]) -> None:
        """Add dependencies to those of a change."""
        if dependencies:
            self._stored[address] = self[address] | dependencies


def find_dependencies(comparison: Comparison, context: PlanContext, resources: Desired) -> StepDependencies:
    """Return the dependencies of each change; `resources` are those in the file."""
    changes = comparison.changes
    dependencies = StepDependencies(changes)
    _add_reference_dependencies(changes, context, resources, dependencies)
    _wait_for_freeing_deletions(changes, dependencies)
    for address, change in changes.items():
        if isinstance(change, Create):
            dependencies.add(address, _find_name_freeing_changes(change, changes, context))
    for change in changes.values():
        if isinstance(change, Create | Update | Replace):
            _wait_for_holders(change, changes, context, dependencies)
    for address, change in changes.items():
        if isinstance(change, Update | Replace) and change.resource.lifecycle.ignore_changes:
            dependencies.add(address, _find_replaced_references(change, changes, dependencies))
    for old, new in comparison.renames.items():
        if not depends_on(new, {old}, dependencies):
            dependencies.add(old, {new})  # the new one is created before the old one is deleted
    return dependencies


def build_steps(comparison: Comparison, context: PlanContext, resources: Desired) -> LazySteps:
    """Return the steps of a plan, each after its dependencies; `resources` are those in the file."""
    changes = comparison.changes
    dependencies = find_dependencies(comparison, context, resources)
    order = sort_by_dependencies(dependencies)
    assert len(order) == len(dependencies), "the changes depend on each other in a cycle"
    return LazySteps(
        partial(_build_step, dependencies=dependencies, context=context),
        [changes[address] for address in order],
    )


def _build_step(change: Change, *, dependencies: StepDependencies, context: PlanContext) -> Step:
    users = [] if is_deleted_by_dependency(change, context) else find_users_to_delete(change, context)
    also_modified = [*users, *all_kinds()[change.address.kind].also_modifies(change, context)]
    deletions = [Delete(user, context.live[user], ()) for user in users]
    calls = tuple(chain.from_iterable(_build_calls(part, context) for part in (*deletions, change)))
    if not calls and isinstance(change, Update):
        _require_other_step(change)
    return Step(
        change=change,
        calls=calls,
        dependencies=dependencies[change.address],
        precondition=None if isinstance(change, Create) else change.live,
        also_modifies={address: context.live[address] for address in also_modified},
    )


def _require_other_step(change: Update) -> None:
    """Raise AssertionError unless an update without calls is made by the steps of other resources.

    Only ownership is: a certificate is owned through the things that have it, and a plan check ensures that the plan changes one
    of them. Any other difference without a call would be in every plan, forever.
    """
    is_owned_through_others = all_kinds()[change.address.kind].owned_through is not None
    paths = [field.path for field in change.fields]
    if not is_owned_through_others or paths != [OWNERSHIP_PATH]:
        raise AssertionError(f"internal error: {change.address}: no call changes {', '.join(paths)}")


def _build_calls(change: Change, context: PlanContext) -> Sequence[ApiCall]:
    kind = all_kinds()[change.address.kind]
    match change:
        case Create():
            return kind.create(change, context)
        case Update():
            return kind.update(change, context)
        case Replace():
            return kind.replace(change, context)
        case Delete():
            return kind.delete(change, context)
        case Forget():
            return kind.forget(change, context)


def _add_reference_dependencies(
    changes: Mapping[Address, Change],
    context: PlanContext,
    resources: Desired,
    dependencies: StepDependencies,
) -> None:
    """Store the dependencies because of references that `StepDependencies` does not find itself.

    If the file and the registry order two deletions in opposite ways, that of the registry counts.
    """
    for address, change in changes.items():
        if not isinstance(change, Create | Update):
            dependencies.set(address, _find_reference_dependencies(change, changes, context))
    deleted = {address for address, change in changes.items() if isinstance(change, Delete)}
    dependents = _map_dependents_in_file(resources) if deleted else {}
    for address in sorted(deleted & dependents.keys()):
        users = (dependents[address] & deleted) - dependencies[address]
        dependencies.add(address, {user for user in users if not depends_on(user, {address}, dependencies)})


def _map_dependents_in_file(resources: Desired) -> Mapping[Address, AbstractSet[Address]]:
    """Return the resources in the file that depend on each address."""
    dependents: defaultdict[Address, set[Address]] = defaultdict(set)
    for address, resource in resources.items():
        for dependency in resource.dependencies:
            dependents[dependency].add(address)
    return dependents


def _find_reference_dependencies(
    change: Delete | Forget | Replace,
    changes: Mapping[Address, Change],
    context: PlanContext,
) -> frozenset[Address]:
    """Return the changes that must be applied before `change` because of references.

    These are references from the resource of `change`, or to it; `depends_on` and ownership markers count as references too.
    """
    match change:
        case Forget():
            return frozenset()
        case Delete():
            return _find_changes_before_deletion(change, changes, context)
        case Replace():
            return _find_changed_dependencies(change, changes) | _find_users_to_detach(
                change, changes, context
            )


def _find_changed_dependencies(
    change: Create | Update | Replace, changes: Mapping[Address, Change]
) -> frozenset[Address]:
    """Return the dependencies of a desired resource that have a change other than a deletion."""
    dependencies = change.resource.dependencies
    changed_dependencies = [
        dependency
        for dependency in dependencies
        if dependency in changes and not isinstance(changes[dependency], Delete)
    ]
    # Resources without ownership markers may share one set of dependencies, so this set is returned if possible, to save memory.
    return dependencies if len(changed_dependencies) == len(dependencies) else frozenset(changed_dependencies)


def _find_changes_before_deletion(
    change: Delete,
    changes: Mapping[Address, Change],
    context: PlanContext,
) -> frozenset[Address]:
    """Return the changes that must be applied before a deletion: those of the resource's users.

    The deletion of an ownership marker also waits for the changes of resources that need the marker.
    """
    address = change.address
    # Some users keep their reference until AWS removes it with the deletion; after that, the users' own steps would be stale.
    holders = {*find_deletion_blockers(address, context), *context.find_remaining_users(address)}
    holders.update(all_kinds()[address.kind].hidden_holders(change, context))
    users = context.live_users.get(address, ())
    deleted_users = {user for user in users if isinstance(changes.get(user), Delete)}
    return frozenset(
        (holders & changes.keys())
        | deleted_users
        | _find_changes_before_marker_deletion(address, changes, context)
    )


def _wait_for_holders(
    change: Create | Update | Replace,
    changes: Mapping[Address, Change],
    context: PlanContext,
    dependencies: StepDependencies,
) -> None:
    """Let a change wait for the steps that release what it gets, and none of them for it."""
    address = change.address
    holders = changes.keys() & set(all_kinds()[address.kind].hidden_holders(change, context))
    for holder in sorted(holders, key=str):
        dependencies.set(holder, dependencies[holder] - {address})
        if not depends_on(holder, {address}, dependencies):
            dependencies.add(address, {holder})


def _find_changes_before_marker_deletion(
    address: Address, changes: Mapping[Address, Change], context: PlanContext
) -> set[Address]:
    """Return the changes that must be applied before an ownership marker is deleted.

    Markers are deleted last: without them, the resources that have them would have no owner.
    """
    if not is_ownership_marker(context.workspace, address):
        return set()
    is_last_marker = is_workspace_group(context.workspace, address)
    return {
        other for other in changes if other != address and (is_last_marker or other.kind in MARKED_TABLES)
    }


def _find_users_to_detach(
    change: Replace, changes: Mapping[Address, Change], context: PlanContext
) -> set[Address]:
    """Return the changes that detach users from a resource, which AWS requires before its replacement.

    A user that is deleted always counts. One that only stops referring to the resource counts if the resource's kind
    lists its `deletion_blockers`.
    """
    lists_blockers = all_kinds()[change.address.kind].deletion_blockers is not None
    desired_users = context.desired_users.get(change.address, ())
    return {
        user
        for user in find_deletion_blockers(change.address, context)
        if isinstance(changes.get(user), Delete)
        or (user in changes and lists_blockers and user not in desired_users)
    }


def _wait_for_freeing_deletions(changes: Mapping[Address, Change], dependencies: StepDependencies) -> None:
    """Let each creation and replacement of a kind with `creates_after_deletes` wait for its deletions.

    The change may need something that the deletions free, such as a managed thing's authentication material. It does not wait for a
    deletion that has to wait for it: a security profile uses the new dimension before it releases the old one.
    """
    for table, kind in all_kinds().items():
        if not kind.creates_after_deletes:
            continue
        changes_of_kind = [change for change in changes.values() if change.address.kind == table]
        creations = {change.address for change in changes_of_kind if isinstance(change, Create | Replace)}
        deletions = {change.address for change in changes_of_kind if isinstance(change, Delete)}
        free_deletions = frozenset(
            address for address in deletions if not depends_on(address, creations, dependencies)
        )
        if free_deletions:
            for creation in creations:
                dependencies.add(creation, free_deletions)
        for deletion in sorted(deletions - free_deletions):
            for creation in sorted(creations):
                if not depends_on(deletion, {creation}, dependencies):
                    dependencies.add(creation, {deletion})


def _find_name_freeing_changes(
    change: Create, changes: Mapping[Address, Change], context: PlanContext
) -> frozenset[Address]:
    """Return the changes that must finish before a name can be reused in another table.

    These are the deletions of resources with that name, and the changes of their users. Otherwise, a delayed request for the old
    resource would reach the new one.
    """
    tables = all_kinds()[change.address.kind].shares_names_with
    same_named_addresses = [Address(table, change.address.name) for table in tables]
    deletions = {address for address in same_named_addresses if isinstance(changes.get(address), Delete)}
    users = {user for address in deletions for user in context.live_users.get(address, ()) if user in changes}
    return frozenset(deletions | users)


def _find_replaced_references(
    change: Update | Replace, changes: Mapping[Address, Change], dependencies: StepDependencies
) -> frozenset[Address]:
    """Return the replaced resources that a resource refers to, even in fields that `ignore_changes` lists.

    Those whose replacement already depends on `change` are left out.
    """
    return frozenset(
        reference
        for reference in find_references(change.resource.spec)
        if isinstance(changes.get(reference), Replace)
        and not depends_on(reference, {change.address}, dependencies)
    )


def depends_on(address: Address, others: AbstractSet[Address], dependencies: StepDependencies) -> bool:
    """Return whether a change depends on one of the others, directly or not."""
    pending, visited = [address], set[Address]()
    while pending:
        current = pending.pop()
        if current in others:
            return True
        if current not in visited:
            visited.add(current)
            pending += dependencies.get(current, ())
    return False
