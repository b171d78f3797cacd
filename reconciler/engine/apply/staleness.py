"""Whether what a step is about is still as its plan saw it, read again right before the step's first write.

What has come to be as the plan wants it is no obstacle: an earlier step of the same run may have seen to it, and nobody's
work would be lost. Everything else that differs from what was seen is somebody's, and stops the step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from attrs import evolve

from reconciler.engine.plan.names import replace_ids_with_names
from reconciler.engine.plan.refresh import reread
from reconciler.kinds import all_kinds
from reconciler.kinds.shared.ownership_markers import marker_names
from reconciler.model.address import Address
from reconciler.model.call import Call
from reconciler.model.change import PREVENT_DESTROY_PATH, Create, Delete, Forget, Replace
from reconciler.model.errors import StaleError, StaleField
from reconciler.model.plan import Basis, Plan, Step
from reconciler.model.resource import NOT_COMPARED, External, Live


def find_stale_steps(
    steps: Sequence[Step], plan: Plan, call: Call, pool: Executor
) -> Mapping[Address, StaleError | None]:
    """The steps that must not run, and why; None where there is nothing left to do, as it has gone already.

    What a plan creates is asked for only where AWS would not refuse to create what is there. Raises AwsError and TargetError.
    """
    basis = _about(steps, plan.basis)
    looks = [look for step in steps for look in _looks(step)]
    asked: defaultdict[str, dict[str, Live | None]] = defaultdict(dict)
    for _, address, identity, seen in looks:
        asked[address.kind][identity] = seen
    there = {
        table: reread(
            all_kinds()[table],
            seen,
            workspace=plan.workspace,
            basis=basis,
            call=call,
            pool=pool,
        )
        for table, seen in asked.items()
    }
    found: dict[Address, StaleError | None] = {}
    for step, address, identity, _ in looks:
        now = there[address.kind].get(identity)
        if now:
            now = evolve(now, spec=replace_ids_with_names(now.spec, plan.basis.names))
        judged: Mapping[Address, StaleError | None]
        if address != step.address:
            judged = _judge_beside(step, address, now)
        else:
            judged = _judge(step, now, plan.workspace)
        found.update(judged)
    return found


def _about(steps: Sequence[Step], basis: Basis) -> Basis:
    """The basis with no more than some steps' resources and what these need: a look at few must not cost a look at all."""
    addresses: set[Address] = set()
    for step in steps:
        addresses |= {step.address, *step.also_modifies}
        if not isinstance(step.change, Delete | Forget):
            addresses |= step.change.resource.dependencies
    return evolve(basis, desired={a: basis.desired[a] for a in addresses if a in basis.desired})


def _looks(step: Step) -> Iterator[tuple[Step, Address, str, Live | None]]:
    """What is read again for a step, by AWS's ids, and as it was seen; what it is about last, whose word counts most."""
    yield from ((step, address, live.identity, live) for address, live in step.also_modifies.items())
    change, kind = step.change, all_kinds()[step.address.kind]
    if step.precondition is not None:
        yield step, step.address, step.precondition.identity, step.precondition
    elif isinstance(change, Create) and kind.create_succeeds_if_exists:
        yield step, step.address, kind.identity(change.resource) or str(step.address), None


def _judge(step: Step, now: Live | None, workspace: str) -> Mapping[Address, StaleError | None]:
    if isinstance(step.change, Create):
        come = StaleError(f"{step.address} has come to be since the plan was made; plan again")
        return {step.address: come} if now else {}
    if now is None:
        gone = isinstance(step.change, Delete | Forget)
        return {step.address: None if gone else StaleError(f"{step.address} is no longer there; plan again")}
    if differences := tuple(_differences(step, now, workspace)):
        return {step.address: StaleError(_told(step.address, differences), differences)}
    return {}


def _judge_beside(step: Step, address: Address, now: Live | None) -> Mapping[Address, StaleError]:
    """Nothing of another resource may differ: the plan has no change of it that could explain one."""
    if now is None:
        return {}
    watched = all_kinds()[address.kind].precondition
    seen, there = watched(step.also_modifies[address], deletes=True), watched(now, deletes=True)
    pairs = ((path, before, there[path]) for path, before in seen.items())
    differences = tuple(
        StaleField(path, before, before, after)
        for path, before, after in pairs
        if before != after and NOT_COMPARED not in (before, after)
    )
    return {step.address: StaleError(_told(address, differences), differences)} if differences else {}


def version_conflict_error(step: Step, plan: Plan, call: Call, pool: Executor) -> StaleError:
    """The same for a step that AWS refused because its version is another one by now."""
    why = find_stale_steps([step], plan, call, pool).get(step.address)
    return why or StaleError(f"{step.address} was changed by somebody else while this step ran; plan again")


def _told(address: Address, differences: Sequence[StaleField]) -> str:
    paths = ", ".join(found.path for found in differences)
    return (
        f"{address} was changed since the plan was made ({paths}); nothing of this step was sent; plan again"
    )


def _differences(step: Step, now: Live, workspace: str) -> Iterator[StaleField]:
    change = step.change
    assert not isinstance(change, Create)
    kind = all_kinds()[step.address.kind]
    going = isinstance(change, Delete | Replace)
    seen, there = kind.precondition(change.live, deletes=going), kind.precondition(now, deletes=going)
    planned: Mapping[str, Any] = {}
    if not isinstance(change, Delete | Forget):
        planned = kind.precondition(Live("", change.resource.spec, owner=workspace), deletes=False)
        if kind.has_ownership_markers:
            planned = {**planned, PREVENT_DESTROY_PATH: change.resource.lifecycle.prevent_destroy}
    for path, before in seen.items():
        yield from _moved(path, before, planned.get(path), there[path], marker_names(workspace))


def _moved(path: str, seen: Any, planned: Any, now: Any, marks: frozenset[str]) -> Iterator[StaleField]:
    """What is neither as it was seen nor as it is to be, maps key by key and lists item by item."""
    match seen, now:
        case Mapping(), Mapping():
            after: Any = planned if isinstance(planned, Mapping) else {}
            for key in sorted(seen.keys() | now.keys()):
                yield from _moved(f"{path}.{key}", seen.get(key), after.get(key), now.get(key), marks)
        case tuple(), tuple():
            after = planned if isinstance(planned, tuple) else ()
            come = [item for item in now if item not in (*seen, *after, *marks)]
            gone = [item for item in seen if item in after and item not in now]
            # What the file does not know by name no step of the plan touches.
            if gone or any(not isinstance(item, External) for item in come):
                yield StaleField(path, seen, planned, now)
        case _ if NOT_COMPARED not in (seen, now) and now not in (seen, planned):
            yield StaleField(path, seen, planned, now)
