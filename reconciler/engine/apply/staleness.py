"""Find stale steps: steps whose resource has changed since the plan was made.

Each step is checked right before its first write. A field that already has the value that the plan sets does not make a step
stale: an earlier step of the same run may have set it, and the step overwrites no one's work. Any other change since the plan was
made counts as someone else's and makes the step stale.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve

from reconciler.engine.plan.diff import OWNERSHIP_PATH
from reconciler.engine.plan.names import replace_ids_with_names
from reconciler.engine.plan.refresh import AnswerBatch, reread
from reconciler.frozen_classes import frozen
from reconciler.kinds import all_kinds
from reconciler.kinds.shared.ownership_markers import list_marker_names
from reconciler.model.address import Address
from reconciler.model.change import PREVENT_DESTROY_PATH, Create, Delete, Forget, Replace
from reconciler.model.errors import StaleError, StaleField
from reconciler.model.plan import Basis, Plan, Step
from reconciler.model.resource import NOT_COMPARED, External, Live


def find_stale_steps(
    steps: Sequence[Step], plan: Plan, answer: AnswerBatch
) -> Mapping[Address, StaleError | None]:
    """Return the addresses of the steps that must not run, each with its error or None.

    None means that nothing is left to do. `answer` returns the responses to the reads.

    Before a create, the resource is read only if AWS accepts a create of an existing resource; otherwise, AWS itself rejects it.
    Raises AwsError and TargetError.
    """
    reads = [read for step in steps for read in _find_reads(step)]
    live = _read_live(reads, steps, plan, answer)
    stale_steps: dict[Address, StaleError | None] = {}
    for read in reads:
        current = live[read.address.kind].get(read.identity)
        if current:  # its references are AWS's IDs, and those of the plan are names
            current = evolve(current, spec=replace_ids_with_names(current.spec, plan.basis.names))
        if read.address == read.step.address:
            stale_steps.update(_check_step(read.step, current, plan))
        else:
            stale_steps.update(_check_other_resource(read.step, read.address, current))
    return stale_steps


def build_version_conflict_error(step: Step, plan: Plan, answer: AnswerBatch) -> StaleError:
    """Return the error for a step that AWS rejected because the resource has another version now."""
    error = find_stale_steps([step], plan, answer).get(step.address)
    return error or StaleError(
        f"{step.address}: was changed by someone else while this step ran; run plan again"
    )


@frozen
class _ResourceRead:
    """A resource to read again for a step.

    `identity` is AWS's ID. `previous` is the resource as it was when the plan was made, or None if it did not exist.
    """

    step: Step
    address: Address
    identity: str
    previous: Live | None


def _find_reads(step: Step) -> Iterator[_ResourceRead]:
    """Yield the resources to re-read for a step.

    The step's own resource is last, so that its error replaces those of the others.
    """
    for address, live in step.also_modifies.items():
        yield _ResourceRead(step, address, live.identity, live)
    change, kind = step.change, all_kinds()[step.address.kind]
    if step.precondition is not None:
        yield _ResourceRead(step, step.address, step.precondition.identity, step.precondition)
    elif isinstance(change, Create) and kind.create_succeeds_if_exists:
        # If the ID is not known before the creation, no live resource can have it: any key will do.
        identity = kind.identity(change.resource) or str(step.address)
        yield _ResourceRead(step, step.address, identity, previous=None)


def _read_live(
    reads: Sequence[_ResourceRead], steps: Sequence[Step], plan: Plan, answer: AnswerBatch
) -> Mapping[str, Mapping[str, Live]]:
    """Read each kind in bulk; return table → AWS's ID → live resource."""
    kinds = all_kinds()
    basis = _restrict_basis(steps, plan.basis)
    previous_by_table: defaultdict[str, dict[str, Live | None]] = defaultdict(dict)
    for read in reads:
        previous_by_table[read.address.kind][read.identity] = read.previous
    return {
        table: reread(kinds[table], previous, workspace=plan.workspace, basis=basis, answer=answer)
        for table, previous in previous_by_table.items()
    }


def _restrict_basis(steps: Sequence[Step], basis: Basis) -> Basis:
    """Return the basis with only the steps' resources and their dependencies, so that little is read."""
    addresses: set[Address] = set()
    for step in steps:
        addresses |= {step.address, *step.also_modifies}
        if not isinstance(step.change, Delete | Forget):
            addresses |= step.change.resource.dependencies
    desired = {address: basis.desired[address] for address in addresses if address in basis.desired}
    return evolve(basis, desired=desired)


def _check_step(step: Step, current: Live | None, plan: Plan) -> Mapping[Address, StaleError | None]:
    """Return the step's address with its error or None, or an empty mapping if the step may run."""
    address = step.address
    if isinstance(step.change, Create):
        error = StaleError(f"{address}: was created after the plan was made; run plan again")
        return {address: error} if current else {}
    if current is None:
        if isinstance(step.change, Delete | Forget):
            return {address: None}
        if isinstance(step.change, Replace) and address in plan.modified_by_others:
            return {}  # the step of a resource that it uses has deleted it
        return {address: StaleError(f"{address}: no longer exists; run plan again")}
    fields = tuple(_find_stale_fields(step, current, plan.workspace))
    return {address: StaleError(_format_message(address, fields), fields)} if fields else {}


def _check_other_resource(step: Step, address: Address, current: Live | None) -> Mapping[Address, StaleError]:
    """Check another resource that the step modifies; any difference makes the step stale."""
    if current is None:  # already deleted: nothing is left to overwrite
        return {}
    kind = all_kinds()[address.kind]
    previous_values = kind.precondition(step.also_modifies[address], deletes=True)
    current_values = kind.precondition(current, deletes=True)
    fields = tuple(
        StaleField(path, before=value, after=value, live=current_values[path])
        for path, value in previous_values.items()
        if value != current_values[path] and NOT_COMPARED not in (value, current_values[path])
    )
    return {step.address: StaleError(_format_message(address, fields), fields)} if fields else {}


def _format_message(address: Address, fields: Sequence[StaleField]) -> str:
    paths = ", ".join(field.path for field in fields)
    return f"{address}: was changed after the plan was made ({paths}); nothing of this step was sent; run plan again"


def _find_stale_fields(step: Step, current: Live, workspace: str) -> Iterator[StaleField]:
    change = step.change
    assert not isinstance(change, Create)
    kind = all_kinds()[step.address.kind]
    deletes = isinstance(change, Delete | Replace)
    previous_values = kind.precondition(change.live, deletes=deletes)
    current_values = kind.precondition(current, deletes=deletes)
    planned_values: Mapping[str, Any] = {}
    if isinstance(change, Delete):
        # Without an owner, it is not what the plan saw: someone has released it, or has created another one.
        planned_values = {OWNERSHIP_PATH: workspace}
    elif not isinstance(change, Forget):
        # The resource as the step leaves it; its ID does not matter here.
        planned_live = Live("", change.resource.spec, owner=workspace)
        planned_values = kind.precondition(planned_live, deletes=False)
        if kind.has_ownership_markers:
            prevent_destroy = change.resource.lifecycle.prevent_destroy
            planned_values = {**planned_values, PREVENT_DESTROY_PATH: prevent_destroy}
    markers = list_marker_names(workspace)
    for path, value in previous_values.items():
        yield from _compare(path, value, planned_values.get(path), current_values[path], markers)


def _compare(
    path: str, before: Any, planned: Any, live: Any, markers: frozenset[str]
) -> Iterator[StaleField]:
    """Yield a stale field if the live value is neither the previous nor the planned one.

    Mappings are compared by key, lists by item. `markers` are the names of ownership markers: one that was added to a list makes no
    difference.
    """
    match before, live:
        case Mapping(), Mapping():
            planned_items: Any = planned if isinstance(planned, Mapping) else {}
            for key in sorted(before.keys() | live.keys()):
                yield from _compare(
                    f"{path}.{key}", before.get(key), planned_items.get(key), live.get(key), markers
                )
        case tuple(), tuple():
            planned_items = planned if isinstance(planned, tuple) else ()
            added = [item for item in live if item not in (*before, *planned_items, *markers)]
            # An item that the plan removes may be missing already.
            missing = [item for item in before if item in planned_items and item not in live]
            # An added reference to a resource that the file does not declare (External) does not matter: no step changes it.
            if missing or any(not isinstance(item, External) for item in added):
                yield StaleField(path, before, planned, live)
        case _ if NOT_COMPARED not in (before, live) and live not in (before, planned):
            yield StaleField(path, before, planned, live)
