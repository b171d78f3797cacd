"""The way of a plan: read, compare, refuse or go on, put into steps, count."""

from __future__ import annotations

from collections import Counter

from attrs import evolve

from reconciler.engine.ownership.lease import lease_holder
from reconciler.engine.plan.checks import find_plan_errors
from reconciler.engine.plan.compare import build_world, compare_states
from reconciler.engine.plan.notes import collect_notes
from reconciler.engine.plan.record import compute_digest
from reconciler.engine.plan.refresh import Progress
from reconciler.engine.plan.selection import select_changes
from reconciler.engine.plan.steps import build_steps
from reconciler.model.call import Call
from reconciler.model.errors import PlanRejectedError
from reconciler.model.plan import Plan, Target
from reconciler.model.plan_options import PlanOptions
from reconciler.model.quota import Quotas
from reconciler.model.settings import DesiredState


def make_plan(  # noqa: PLR0913 (each is one thing that a plan depends on)
    state: DesiredState,
    request: PlanOptions,
    *,
    target: Target,
    call: Call,
    quotas: Quotas,
    progress: Progress,
) -> Plan:
    """Read, compare, and say exactly what would be sent.

    Raises PlanRejectedError with every reason why the plan must not be applied, SelectionError, AwsError and TargetError.
    """
    found = compare_states(state, call, progress, destroy=request.destroy)
    world = build_world(state.settings.name, target, found)
    names = select_changes(request, found, world, state)
    found = evolve(found, changes={a: change for a, change in found.changes.items() if a in names})
    why = [*find_plan_errors(state, request, found, world)]
    at_work = lease_holder(state.settings.name, call)
    if why:
        raise PlanRejectedError([*why, at_work.partial_apply_warning()] if at_work else why)
    steps = build_steps(found.changes, world, state.resources, state.moved)
    calls = Counter((call.service, call.operation) for step in steps for call in step.calls)
    return Plan(
        workspace=state.settings.name,
        target=target,
        steps=steps,
        digest=compute_digest(state.settings.name, target, steps),
        estimate=quotas.estimate(dict(sorted(calls.items()))),
        unchanged=sum(address in names and address not in found.changes for address in found.desired),
        notes=tuple(
            note
            for note in collect_notes(state, request, found, steps, quotas, at_work=at_work)
            if not request.is_partial or note.address is None or note.address in names
        ),
        options=request,
        file_digest=state.digest,
        basis=found.basis,
    )
