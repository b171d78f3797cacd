"""Views of a rollout's plans and results, which every format for people renders."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from reconciler.model.run import History
from reconciler.model.text import escape_invisible
from reconciler.render.json.rollout_file import RolloutHistory
from reconciler.render.views.alike_plans import merge_drifts, merge_plans
from reconciler.render.views.history import (
    EnvironmentHistoryView,
    RolloutHistoryView,
    build_history_view,
)
from reconciler.render.views.rollout import (
    PROBLEM_STATUSES,
    EnvironmentGroup,
    EnvironmentProgress,
    EnvironmentRow,
    RolloutView,
)
from reconciler.rollout.alike import get_names, group_alike
from reconciler.rollout.messages import EnvironmentDrift, EnvironmentPlan, TaskEvent, TaskResponse
from reconciler.rollout.results import (
    RolloutNote,
    RolloutPlan,
    RolloutResult,
    describe_edges_of_all,
    list_edge_warnings,
    list_unmatched_notes,
)

_FAILED_STEPS = ("failed", "skipped", "canceled")


def build_rollout_plan_view(plan: RolloutPlan, path: str | Path, *, full: bool = False) -> RolloutView:
    """Build the view of a rollout's plans; with `full`, alike environments are not grouped."""
    changed = [response for response in plan.responses if response.plan and response.status == "planned"]
    return RolloutView(
        command="plan",
        file=escape_invisible(str(path)),
        total=len(plan.responses),
        digest=plan.digest[:12],
        groups=tuple(map(_build_plan_group, group_alike(changed, full=full))),
        unchanged=_build_rows(plan.responses, "unchanged"),
        problems=_group_problems(map(build_environment_row, plan.responses)),
        counts=plan.counts,
        calls=sum(response.plan.call_count for response in changed if response.plan),
        seconds=plan.seconds,
        notes=_build_notes(plan.notes),
        edges=describe_edges_of_all(plan.responses),
    )


def build_rollout_result_view(
    result: RolloutResult, path: str | Path, *, command: str = "apply", seconds: float = 0.0
) -> RolloutView:
    """Build the view of a rollout's applies; `seconds` is how long it took."""
    blocked = (build_blocked_row(name, reason) for name, reason in result.blocked.items())
    rows = [*map(build_environment_row, result.responses), *blocked]
    return RolloutView(
        command=command,
        file=escape_invisible(str(path)),
        total=len(rows),
        unchanged=_build_rows(result.responses, "unchanged"),
        problems=_group_problems(rows),
        applied=_build_rows(result.responses, "applied"),
        seconds=seconds,
    )


def build_rollout_drift_view(result: RolloutResult, path: str | Path, *, full: bool = False) -> RolloutView:
    """Build the view of a rollout's drift; with `full`, alike environments are not grouped."""
    drifted = [response for response in result.responses if response.status == "drifted"]
    counts: Counter[str] = Counter()
    for response in drifted:
        counts.update(response.drift.counts if response.drift else {})
    return RolloutView(
        command="drift",
        file=escape_invisible(str(path)),
        total=len(result.responses),
        notes=_build_notes([*list_unmatched_notes(result.responses), *list_edge_warnings(result.responses)]),
        edges=describe_edges_of_all(result.responses),
        groups=tuple(map(_build_drift_group, group_alike(drifted, full=full))),
        unchanged=_build_rows(result.responses, "unchanged"),
        problems=_group_problems(map(build_environment_row, result.responses)),
        counts=counts,
    )


def build_rollout_history_view(history: RolloutHistory) -> RolloutHistoryView:
    """Build the view of the runs of several environments."""
    return RolloutHistoryView(
        tuple(
            EnvironmentHistoryView(
                escape_invisible(environment.environment),
                escape_invisible(environment.workspace),
                build_history_view(History(environment.runs)),
            )
            for environment in history.environments
        ),
        escape_invisible(history.problem),
    )


def _build_plan_group(responses: Sequence[TaskResponse]) -> EnvironmentGroup:
    plans = [(get_names(response), response.plan.view) for response in responses if response.plan]
    return EnvironmentGroup(tuple(map(build_environment_row, responses)), plan=merge_plans(plans))


def _build_drift_group(responses: Sequence[TaskResponse]) -> EnvironmentGroup:
    drifts = [(get_names(response), response.drift.view) for response in responses if response.drift]
    return EnvironmentGroup(tuple(map(build_environment_row, responses)), drift=merge_drifts(drifts))


def _build_notes(notes: Iterable[RolloutNote]) -> tuple[tuple[tuple[str, ...], str], ...]:
    return tuple(
        (tuple(map(escape_invisible, note.environments)), escape_invisible(note.text)) for note in notes
    )


def _get_summary(response: TaskResponse) -> EnvironmentPlan | EnvironmentDrift | None:
    return response.plan or response.drift


def _build_rows(responses: Iterable[TaskResponse], status: str) -> tuple[EnvironmentRow, ...]:
    return tuple(build_environment_row(response) for response in responses if response.status == status)


def build_environment_row(response: TaskResponse) -> EnvironmentRow:
    """Build the row of one environment."""
    summary = _get_summary(response)
    counts = summary.counts if summary else {}
    plan = response.plan
    return EnvironmentRow(
        name=escape_invisible(response.environment),
        status=response.status,
        workspace=escape_invisible(summary.workspace) if summary else "",
        target=summary.view.target if summary else "",
        digest=plan.digest[:12] if plan else "",
        counts=response.run.counts if response.run else counts,
        calls=plan.call_count if plan else 0,
        seconds=plan.seconds if plan else response.seconds,
        warnings=len(plan.warnings) if plan else 0,
        message=tuple(_describe_problem(response)),
    )


def build_blocked_row(name: str, reason: str) -> EnvironmentRow:
    """Build the row of an environment that was not started."""
    return EnvironmentRow(escape_invisible(name), "blocked", message=(escape_invisible(reason),))


def build_environment_progress(event: TaskEvent, seconds: float = 0.0) -> EnvironmentProgress:
    """Build the progress of a running environment, which has run for `seconds`."""
    return EnvironmentProgress(
        escape_invisible(event.environment),
        event.phase,
        sum(event.counts.values()),
        event.total,
        sum(event.counts.get(status, 0) for status in _FAILED_STEPS),
        seconds,
    )


def _describe_problem(response: TaskResponse) -> Iterable[str]:
    """Yield the lines of a response's error, and the errors of its failed steps."""
    yield from map(escape_invisible, response.error.splitlines())
    for address, error in response.run.failures if response.run else ():
        yield escape_invisible(f"{address}: {error}")


def _group_problems(rows: Iterable[EnvironmentRow]) -> tuple[EnvironmentGroup, ...]:
    """Return the environments with problems, in groups with the same status and message."""
    groups: defaultdict[tuple[str, tuple[str, ...]], list[EnvironmentRow]] = defaultdict(list)
    for row in rows:
        if row.status in PROBLEM_STATUSES:
            groups[row.status, row.message].append(row)
    ordered = sorted(groups.items(), key=lambda item: PROBLEM_STATUSES.index(item[0][0]))
    return tuple(EnvironmentGroup(tuple(members)) for _, members in ordered)
