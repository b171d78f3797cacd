"""Views of the runs in the journal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from reconciler.frozen_classes import frozen
from reconciler.model.run import History, Run, RunCall, RunRecord, RunStep
from reconciler.model.status import format_status_counts
from reconciler.model.text import escape_invisible, join_some
from reconciler.render.views.labels import OUTCOME_GLYPHS, format_duration, format_workspace, pluralize

STATUS_GLYPHS: Mapping[str, str] = {
    "running": OUTCOME_GLYPHS["started"],
    "applied": OUTCOME_GLYPHS["applied"],
    "failed": OUTCOME_GLYPHS["failed"],
    "stopped": OUTCOME_GLYPHS["canceled"],
    "crashed": "!",
}
"""The sign of each status of a run."""

STEP_GLYPHS: Mapping[str, str] = {**OUTCOME_GLYPHS, "planned": "·", "unknown": "?"}
"""The sign of each status of a step of a run."""

NO_RUNS = "No runs yet; `reconciler apply` records the first."

_CERTIFICATE_ID = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
"""A certificate ID; where the parameters of a call contain one, only its first 12 digits are shown."""

_MAX_NAMES = 20
"""The most environments without runs that are named; more are only counted."""


@frozen
class RunRow:
    """One row of the history: a run without its steps.

    `started_at` is in UTC. `user` has the form `user@host`, and `pid` is the ID of the process. `job` is the URL of the CI job, or
    empty. `counts` are the numbers of steps by status. `unanswered_call_count` is the number of calls without a response. The
    digests are cut to twelve characters. `is_counted` is false if the steps and calls cannot be counted. `environment` is empty in a
    file without environments.
    """

    id: str
    workspace: str
    target: str
    command: str
    status: str
    glyph: str
    started_at: str
    duration: str
    user: str
    pid: str
    job: str
    counts: Mapping[str, int]
    call_count: int
    unanswered_call_count: int
    file_digest: str
    plan_digest: str
    is_counted: bool = True
    environment: str = ""


@frozen
class CallRow:
    """One attempt to send one call; `started_at` is the time of day in UTC."""

    number: int
    name: str
    parameters: str
    status: str
    started_at: str
    duration: str
    error_code: str
    request_id: str


@frozen
class StepRow:
    """One step with its calls."""

    action: str
    address: str
    status: str
    glyph: str
    duration: str
    error: str
    calls: tuple[CallRow, ...]


@frozen
class RunView:
    """One run with its steps, in the plan's order, each with its calls.

    `other_calls` are the calls that belong to no step.
    """

    run: RunRow
    steps: tuple[StepRow, ...]
    other_calls: tuple[CallRow, ...] = ()


@frozen
class HistoryView:
    """Runs, the newest first; `problem` is why some could not be read, or an empty string."""

    rows: tuple[RunRow, ...]
    problem: str = ""


@frozen
class EnvironmentHistoryView:
    """The runs of one environment of a rollout."""

    name: str
    workspace: str
    history: HistoryView

    @property
    def target(self) -> str:
        """The target of the latest run, or an empty string without runs."""
        return self.history.rows[0].target if self.history.rows else ""


@frozen
class RolloutHistoryView:
    """The runs of several environments, in the order of the file; `problem` is as in `HistoryView`."""

    environments: tuple[EnvironmentHistoryView, ...]
    problem: str = ""

    @property
    def environments_with_runs(self) -> Sequence[EnvironmentHistoryView]:
        """The environments that have runs."""
        return [environment for environment in self.environments if environment.history.rows]

    @property
    def names_without_runs(self) -> str:
        """The names of the environments that have no runs, as text; empty if all have some."""
        return join_some(
            [environment.name for environment in self.environments if not environment.history.rows],
            _MAX_NAMES,
        )


def build_history_view(history: History) -> HistoryView:
    """Build the view of a history."""
    return HistoryView(tuple(map(_build_run_row, history)), escape_invisible(history.problem))


def build_run_view(record: RunRecord) -> RunView:
    """Build the view of one run with its steps and calls."""
    calls_by_address: dict[str, list[RunCall]] = {}
    for call in record.calls:
        calls_by_address.setdefault(call.address, []).append(call)
    steps = tuple(_build_step_row(step, calls_by_address.pop(step.address, [])) for step in record.steps)
    other_calls = tuple(_build_call_row(call) for calls in calls_by_address.values() for call in calls)
    return RunView(_build_run_row(record.run), steps, other_calls)


def format_steps(run: RunRow) -> str:
    """Format the numbers of a run's steps by status: `6 applied, 1 failed`."""
    if not run.is_counted:
        return "cannot be read"
    return format_status_counts(run.counts) or "no changes"


def describe_run(run: RunRow) -> tuple[str, str, str]:
    """Describe a run in three lines: what it applies and where, by whom, and when."""
    job = f", {run.job}" if run.job else ""
    duration = f", took {run.duration}" if run.duration else ""
    return (
        f"{run.target} · {run.command} of {format_workspace(run.workspace, run.environment)} · plan digest {run.plan_digest} · file digest {run.file_digest}",
        f"by {run.user}, process {run.pid}{job}",
        f"started {run.started_at} UTC{duration}",
    )


def summarize_run(run: RunRow) -> str:
    """Summarize a run's steps and calls."""
    unanswered = f", {run.unanswered_call_count:,} without a response" if run.unanswered_call_count else ""
    return f"{format_steps(run)} · {pluralize(run.call_count, 'call')}{unanswered}"


def describe_call_status(call: CallRow) -> str:
    """Describe the status of a call, with its error code where it has one.

    A call that completed with an error code got an error that leaves nothing to do.
    """
    if call.status == "completed" and call.error_code:
        return f"completed: {call.error_code}, as expected"
    return f"{call.status} {call.error_code}".strip()


def _build_run_row(run: Run) -> RunRow:
    return RunRow(
        id=escape_invisible(run.id),
        workspace=escape_invisible(run.workspace),
        target=escape_invisible(run.target),
        command=escape_invisible(run.command),
        status=escape_invisible(run.status),
        glyph=STATUS_GLYPHS.get(run.status, "·"),
        started_at=f"{run.started_at:%Y-%m-%d %H:%M:%S}",
        duration="" if run.seconds is None else format_duration(run.seconds),
        user=escape_invisible(str(run.process)),
        pid=str(run.process.pid),
        job=escape_invisible(run.process.job),
        counts={escape_invisible(status): count for status, count in run.counts.items() if count},
        call_count=run.call_count,
        unanswered_call_count=run.unanswered_call_count,
        file_digest=escape_invisible(run.file_digest[:12]),
        plan_digest=escape_invisible(run.plan_digest[:12]),
        is_counted=run.is_counted,
        environment=escape_invisible(run.environment),
    )


def _build_step_row(step: RunStep, calls: list[RunCall]) -> StepRow:
    return StepRow(
        action=escape_invisible(step.action),
        address=escape_invisible(step.address),
        status=escape_invisible(step.status),
        glyph=STEP_GLYPHS.get(step.status, "·"),
        duration="" if step.seconds is None else f"{step.seconds:.2f} s",
        error=escape_invisible(step.error),
        calls=tuple(map(_build_call_row, calls)),
    )


def _build_call_row(call: RunCall) -> CallRow:
    return CallRow(
        number=call.number,
        name=escape_invisible(str(call)),
        parameters=escape_invisible(_CERTIFICATE_ID.sub(r"\1…", call.parameters)),
        status=escape_invisible(call.status),
        started_at=f"{call.started_at:%H:%M:%S}.{call.started_at.microsecond // 1000:03}",
        duration="" if call.seconds is None else f"{call.seconds:.2f} s",
        error_code=escape_invisible(call.error_code),
        request_id=escape_invisible(call.request_id),
    )
