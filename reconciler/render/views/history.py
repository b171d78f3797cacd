"""What the journal tells, as trees of plain values."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import frozen

from reconciler.model.run import History, Run, RunCall, RunRecord, RunStep
from reconciler.model.text import visible
from reconciler.render.views.plan import format_duration
from reconciler.render.views.result import OUTCOME_GLYPHS

STATUS_GLYPHS: Mapping[str, str] = {
    "running": OUTCOME_GLYPHS["started"],
    "applied": OUTCOME_GLYPHS["applied"],
    "failed": OUTCOME_GLYPHS["failed"],
    "stopped": OUTCOME_GLYPHS["cancelled"],
    "crashed": "!",
}
STEP_GLYPHS: Mapping[str, str] = {**OUTCOME_GLYPHS, "planned": "·", "unknown": "?"}

_FINGERPRINT = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
"""A certificate's id, of which the first digits are enough for people."""


@frozen
class RunRow:
    """One run in a line. Digests are cut to twelve characters; `counts` are steps by state."""

    id: str
    workspace: str
    target: str
    command: str
    status: str
    glyph: str
    started_at: str
    duration: str
    user: str
    process: str
    job: str
    counts: Mapping[str, int]
    calls: int
    unanswered: int
    file: str
    plan: str


@frozen
class CallRow:
    """One attempt at one call."""

    number: int
    name: str
    parameters: str
    state: str
    started_at: str
    duration: str
    code: str
    request_id: str


@frozen
class StepRow:
    """One step with its calls."""

    action: str
    address: str
    state: str
    glyph: str
    duration: str
    error: str
    calls: tuple[CallRow, ...]


@frozen
class RunView:
    """One run whole: steps in the plan's order. `other_calls` belong to no step of the plan."""

    run: RunRow
    steps: tuple[StepRow, ...]
    other_calls: tuple[CallRow, ...] = ()


@frozen
class HistoryView:
    """Runs, the newest first."""

    rows: tuple[RunRow, ...]


def build_run_rows(history: History) -> tuple[RunRow, ...]:
    """Runs as rows."""
    return tuple(_run(run) for run in history)


def build_run_view(record: RunRecord) -> RunView:
    """One run as a tree."""
    of: dict[str, list[RunCall]] = {}
    for call in record.calls:
        of.setdefault(call.address, []).append(call)
    steps = tuple(_step(step, of.pop(step.address, [])) for step in record.steps)
    return RunView(_run(record.run), steps, tuple(_call(call) for calls in of.values() for call in calls))


def _run(run: Run) -> RunRow:
    return RunRow(
        id=visible(run.id),
        workspace=visible(run.workspace),
        target=visible(run.target),
        command=visible(run.command),
        status=visible(run.status),
        glyph=STATUS_GLYPHS.get(run.status, "·"),
        started_at=f"{run.started_at:%Y-%m-%d %H:%M:%S}",
        duration="" if run.seconds is None else format_duration(run.seconds),
        user=visible(str(run.process)),
        process=str(run.process.pid),
        job=visible(run.process.job),
        counts={visible(state): count for state, count in run.counts.items() if count},
        calls=run.call_count,
        unanswered=run.unanswered_call_count,
        file=visible(run.file_digest[:12]),
        plan=visible(run.plan_digest[:12]),
    )


def _step(step: RunStep, calls: list[RunCall]) -> StepRow:
    return StepRow(
        action=visible(step.action),
        address=visible(step.address),
        state=visible(step.status),
        glyph=STEP_GLYPHS.get(step.status, "·"),
        duration="" if step.seconds is None else f"{step.seconds:.2f} s",
        error=visible(step.error),
        calls=tuple(map(_call, calls)),
    )


def _call(call: RunCall) -> CallRow:
    return CallRow(
        number=call.number,
        name=visible(str(call)),
        parameters=visible(_FINGERPRINT.sub(r"\1…", call.parameters)),
        state=visible(call.status),
        started_at=f"{call.started_at:%H:%M:%S}.{call.started_at.microsecond // 1000:03}",
        duration="" if call.seconds is None else f"{call.seconds:.2f} s",
        code=visible(call.error_code),
        request_id=visible(call.request_id),
    )
