"""Plan checks: every reason to reject a plan, collected before anything is sent."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from reconciler.engine.ownership.stored_lease import LeaseHolder
from reconciler.engine.plan.compare import Comparison
from reconciler.engine.plan.diff import OWNERSHIP_PATH, keep_all_values, keep_ignored_values
from reconciler.engine.plan.limits import find_exceeded_limits
from reconciler.engine.plan.prevent_destroy import check_prevent_destroy
from reconciler.engine.plan.removals import find_deletion_blockers
from reconciler.engine.plan.room import find_room_errors
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.normalize import normalize_resources
from reconciler.kinds.shared.ownership_markers import is_ownership_marker
from reconciler.model.address import Address
from reconciler.model.change import Change, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.errors import PlanRejectedError
from reconciler.model.plan_options import PlanOptions
from reconciler.model.resource import Desired, Resource
from reconciler.model.settings import DesiredState
from reconciler.model.text import closest_match, format_suggestion, join_some

_MAX_NAMED_UNMANAGED = 10
"""The maximum number of unmanaged resources of a kind of which each gets a message of its own."""

_MAX_KINDS_WITHOUT_SUMMARY = 3
"""The maximum number of kinds with unmanaged resources without one more message on all of them."""


def check_plan(  # noqa: PLR0913, PLR0917 (each is a source of reasons)
    state: DesiredState,
    options: PlanOptions,
    comparison: Comparison,
    context: PlanContext,
    holder: LeaseHolder | None,
    outside_errors: Sequence[str] = (),
) -> None:
    """Raise PlanRejectedError with every reason to reject a plan with these changes.

    `outside_errors` are the reasons that were found outside the file. If `holder` is applying another plan, the error has a warning of that too: the reasons may be gone when the apply is done.
    """
    errors = [*_find_plan_errors(state, options, comparison, context), *outside_errors]
    if errors and holder:
        errors.append(holder.format_partial_apply_warning())
    if errors:
        raise PlanRejectedError(errors)


def _find_plan_errors(
    state: DesiredState, options: PlanOptions, comparison: Comparison, context: PlanContext
) -> Iterator[str]:
    if not options.destroy:  # a destroy is meant to delete everything
        yield from find_exceeded_limits(state, options, comparison)
    yield from check_prevent_destroy(state, comparison, context, destroying=options.destroy)
    yield from _check_kinds_and_owners(state, options, comparison, context)
    yield from _check_owners_of_imports(comparison, context)
    yield from _check_kept_values(state, comparison)
    yield from _check_forgotten_users(comparison, context)
    yield from _check_remaining_users(comparison, context)
    yield from _check_adopted_addresses(state, options.adopt, comparison)
    yield from find_room_errors(comparison, context, state.resources)


def _check_kinds_and_owners(
    state: DesiredState, options: PlanOptions, comparison: Comparison, context: PlanContext
) -> Iterator[str]:
    """Yield the kinds' errors, and those for changes of resources that this workspace does not manage."""
    kinds = all_kinds()
    workspace = state.settings.name
    yield from _check_owners(comparison, options.adopt, workspace)
    for address, change in comparison.changes.items():
        for error in kinds[address.kind].plan_errors(change, context):
            yield f"{address}: {error}{_format_place(change)}"
        if not options.allow_cascade:
            for cascade in kinds[address.kind].cascades(change, context):
                yield (
                    f"{address}: cannot {change.action}: AWS would remove with it {cascade}; "
                    "remove that first, or allow it with --allow-cascade"
                )


def _format_place(change: Change) -> str:
    """Return the place of a change's resource in the file, in parentheses; empty for a resource to remove."""
    return "" if isinstance(change, Delete | Forget) else f" ({change.resource.origin})"


def _check_owners(comparison: Comparison, adopt: Collection[Address], workspace: str) -> Iterator[str]:
    """Yield an error for each changed resource that this workspace does not manage.

    Unmanaged resources in `adopt` are excepted, and those that an interrupted apply of this workspace created.
    """
    kinds = all_kinds()
    unmanaged_by_kind: defaultdict[str, list[Address]] = defaultdict(list)
    for address, change in comparison.changes.items():
        if not isinstance(change, Update | Replace) or change.live.owner == workspace:
            continue
        if change.live.owner is not None:
            yield f"{address}: belongs to the workspace {change.live.owner!r}, not to {workspace!r}"
        elif address not in adopt and not kinds[address.kind].is_interrupted_create(change):
            unmanaged_by_kind[address.kind].append(address)
    for table, addresses in unmanaged_by_kind.items():
        yield from _describe_unmanaged(table, addresses)
    if len(unmanaged_by_kind) > _MAX_KINDS_WITHOUT_SUMMARY:
        count = sum(map(len, unmanaged_by_kind.values()))
        yield f"all {count:,} resources that are not managed yet can be imported with --adopt '*'"


def _describe_unmanaged(table: str, addresses: Sequence[Address]) -> Iterator[str]:
    """Yield an error for each unmanaged resource of a kind, or one for all if there are many."""
    if len(addresses) <= _MAX_NAMED_UNMANAGED:
        for address in addresses:
            problem = "already exists and is not managed by this workspace"
            yield f"{address}: {problem}; import it with --adopt {shlex.quote(str(address))}"
    else:
        names = join_some(map(str, addresses))
        problem = f"{len(addresses):,} already exist and are not managed by this workspace ({names})"
        yield f"{table}: {problem}; import them with --adopt '{table}.*'"


def _check_owners_of_imports(comparison: Comparison, context: PlanContext) -> Iterator[str]:
    """Yield an error for each import that has no effect because no owner is imported with it.

    A certificate is owned through the things that have it: no call of its own records the owner.
    """
    for address, change in comparison.changes.items():
        owned_through = all_kinds()[address.kind].owned_through
        if owned_through is None or not isinstance(change, Update) or not change.has_changed(OWNERSHIP_PATH):
            continue
        users = context.desired_users.get(address, ())
        owners = [user for user in users if user.kind == owned_through.table]
        if not any(owner in comparison.changes for owner in owners):
            names = join_some(map(str, owners))
            yield f"{address}: cannot import it alone: it is owned through {names}; import that too"


def _check_kept_values(state: DesiredState, comparison: Comparison) -> Iterator[str]:
    """Yield an error for each change to something invalid.

    The file's own values are valid, but not always together with the live values that `ignore_changes` keeps.
    """
    for address, change in comparison.changes.items():
        if not isinstance(change, Update | Replace) or not change.resource.lifecycle.ignore_changes:
            continue
        declared = comparison.declared[address]
        resource = keep_ignored_values(state.settings.name, declared, change.live.spec)
        unchanged = keep_all_values(state.settings.name, declared, change.live.spec)
        live_problems = _find_errors(unchanged, comparison.declared)
        for problem in _find_errors(resource, comparison.declared):
            # Live values that an update leaves as they are cannot make AWS reject it.
            is_sent = isinstance(change, Replace) or any(map(change.has_changed, map(str, problem.path[:1])))
            if is_sent or problem not in live_problems:
                text = f"cannot {change.action} with the live values that ignore_changes keeps: {problem}"
                yield f"{address}: {text}{_format_place(change)}"


def _find_errors(resource: Resource, declared: Desired) -> list[ValueProblem]:
    """Return the errors that the resource's kind finds in it when it is normalized."""
    (normalized,) = normalize_resources({resource.address: resource}).values()
    problems = all_kinds()[resource.address.kind].check(normalized, declared)
    return [problem for problem in problems if problem.severity == "error"]


def _check_forgotten_users(comparison: Comparison, context: PlanContext) -> Iterator[str]:
    """Yield an error for each forgotten resource that uses a deleted one.

    AWS would reject the deletion, because forgetting removes no reference.
    """
    for address, change in comparison.changes.items():
        if not isinstance(change, Delete) or is_ownership_marker(context.workspace, address):
            continue
        for user in find_deletion_blockers(address, context):
            if isinstance(context.changes.get(user), Forget):
                yield f"{address}: cannot delete: still used by {user}, which is being forgotten; forget both"


def _check_remaining_users(comparison: Comparison, context: PlanContext) -> Iterator[str]:
    """Yield an error for each deleted or replaced resource that is still used after the plan.

    AWS would reject the deletion or replacement. `_check_forgotten_users` reports the forgotten users of deleted resources.
    """
    kinds = all_kinds()
    for address, change in comparison.changes.items():
        remaining = _find_remaining_users(change, context)
        # If the kind itself reports an error, that one is more detailed.
        if remaining and not any(kinds[address.kind].plan_errors(change, context)):
            users = join_some(map(str, remaining))
            yield (
                f"{address}: cannot {change.action}: still used after this plan by {users}; remove that reference first"
            )


def _find_remaining_users(change: Change, context: PlanContext) -> list[Address]:
    """Return the users whose references keep AWS from deleting or replacing the changed resource.

    A user of a deleted resource counts if it keeps its reference and is not forgotten; a user of a replaced resource counts if
    it is forgotten, because the plan sends nothing that detaches it.
    """
    address, kind = change.address, all_kinds()[change.address.kind]
    users = find_deletion_blockers(address, context)
    match change:
        case Delete() if not is_ownership_marker(context.workspace, address):
            return [user for user in users if context.keeps_reference(user, address)]
        case Replace() if kind.grace_seconds(change) is None:
            return [user for user in users if isinstance(context.changes.get(user), Forget)]
        case _:
            return []


def _check_adopted_addresses(
    state: DesiredState, adopt: Collection[Address], comparison: Comparison
) -> Iterator[str]:
    """Yield an error for each address in --adopt that cannot be imported.

    `_check_owners` reports resources of another workspace.
    """
    owners = {
        address: change.live.owner
        for address, change in comparison.changes.items()
        if isinstance(change, Update | Replace)
    }
    unmanaged_addresses = [address for address, owner in owners.items() if owner is None]
    for address in sorted(adopt):
        if address in owners and owners[address] != state.settings.name:
            continue  # it is imported, or `_check_owners` reports it
        live = comparison.live.get(address)
        if address not in state.resources:
            nearest = _find_closest_address(address, unmanaged_addresses) or _find_closest_address(
                address, state.resources
            )
            yield f"{address}: cannot adopt: not in the file{format_suggestion(nearest)}"
        elif live is None:
            yield f"{address}: cannot adopt: does not exist yet; a plan that does not adopt it creates it"
        elif not all_kinds()[address.kind].has_ownership_markers and live.owner == state.settings.name:
            continue  # nothing records that it is owned, so importing it is to declare it
        elif live.owner == state.settings.name:
            yield f"{address}: cannot adopt: already managed by this workspace; plan without adopting it"
        else:
            yield f"{address}: cannot adopt: this plan does not change it; select it too"


def _find_closest_address(address: Address, candidates: Iterable[Address]) -> str | None:
    """Return the candidate of the same kind with the closest name.

    If no candidate is of that kind, return the closest one of any kind.
    """
    addresses = list(candidates)
    names = [candidate.name for candidate in addresses if candidate.kind == address.kind]
    if not names:
        return closest_match(str(address), [str(candidate) for candidate in addresses])
    name = closest_match(address.name, names)
    return str(Address(address.kind, name)) if name else None
