"""The way of a plan: read, compare, refuse or go on, put into steps, count."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.engine.notes import notes
from reconciler.engine.observe import Progress
from reconciler.engine.refusals import Request, reasons
from reconciler.engine.steps import steps_of
from reconciler.engine.survey import survey, world_of
from reconciler.model.call import Call
from reconciler.model.errors import RefusedError
from reconciler.model.plan import Plan, Step, Target
from reconciler.model.quotas import Quotas
from reconciler.model.secret import Secret
from reconciler.model.settings import DesiredState


def make_plan(  # noqa: PLR0913 (each is one thing that a plan depends on)
    state: DesiredState,
    request: Request,
    *,
    target: Target,
    call: Call,
    quotas: Quotas,
    progress: Progress,
) -> Plan:
    """Read, compare, and say exactly what would be sent.

    Raises RefusedError with every reason why the plan must not be applied, AwsError and TargetError.
    """
    found = survey(state, call, progress, destroy=request.destroy)
    world = world_of(state.settings.name, target, found)
    if why := [*reasons(state, request, found, world)]:
        raise RefusedError(why)
    steps = steps_of(found.changes, world, state.resources, state.moved)
    calls = Counter((call.service, call.operation) for step in steps for call in step.calls)
    return Plan(
        workspace=state.settings.name,
        target=target,
        steps=steps,
        digest=_digest(target, steps),
        estimate=quotas.estimate(dict(sorted(calls.items()))),
        unchanged=len(found.desired.keys() - found.changes.keys()),
        notes=tuple(notes(state, request, found, steps, quotas)),
        basis=found.basis,
    )


def _digest(target: Target, steps: Sequence[Step]) -> str:
    """The SHA-256 of what would be sent and where; secrets stand as their references."""
    said = [
        str(target),
        [
            [step.change.action, str(step.address), [[str(call), _plain(call.params)] for call in step.calls]]
            for step in steps
        ],
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _plain(value: Any) -> Any:
    match value:
        case Secret():
            return value.reference
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value
