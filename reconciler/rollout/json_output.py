"""The plans, drifts and events of a rollout as JSON."""

from __future__ import annotations

import datetime
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from reconciler.engine.plan.drift import DIRECTIONS
from reconciler.engine.plan.saved_plan import NoteRecord
from reconciler.model.change import ACTIONS
from reconciler.model.plan import Target
from reconciler.render.json.encode import encode_document, encode_json, get_fields
from reconciler.render.json.rollout_events import (
    EnvironmentEndEvent,
    EnvironmentEvent,
    RolloutEndEvent,
    RolloutEvent,
    StepFailure,
)
from reconciler.render.json.rollout_file import (
    EnvironmentDriftLine,
    EnvironmentDriftRecord,
    EnvironmentPlanLine,
    EnvironmentPlanRecord,
    RolloutDriftDocument,
    RolloutDriftLine,
    RolloutDriftSummary,
    RolloutPlanDocument,
    RolloutPlanLine,
    RolloutPlanSummary,
)
from reconciler.rollout.alike import group_alike
from reconciler.rollout.messages import TargetRecord, TaskEvent, TaskResponse
from reconciler.rollout.results import RolloutPlan, RolloutResult


def render_rollout_plan_json(plan: RolloutPlan) -> Iterator[str]:
    """Render the plans as one document, in pieces; they must have been made with records."""
    summary = get_fields(_summarize_plan(plan), RolloutPlanSummary)
    environments = tuple(map(_to_plan_record, plan.responses))
    return encode_document(RolloutPlanDocument(**summary, environments=environments))


def render_rollout_plan_jsonl(plan: RolloutPlan) -> Iterator[str]:
    """Render the lines of the plans, each with its line break; they must have been made with records."""
    summary = get_fields(_summarize_plan(plan), RolloutPlanSummary)
    yield f"{encode_json(RolloutPlanLine(**summary, environments=len(plan.responses)))}\n"
    for response in plan.responses:
        line = EnvironmentPlanLine(**get_fields(_to_plan_record(response), EnvironmentPlanRecord))
        yield f"{encode_json(line)}\n"


def render_rollout_drift_json(result: RolloutResult) -> Iterator[str]:
    """Render the drift as one document, in pieces; it must have been made with records."""
    summary = get_fields(_summarize_drift(result), RolloutDriftSummary)
    environments = tuple(map(_to_drift_record, result.responses))
    return encode_document(RolloutDriftDocument(**summary, environments=environments))


def render_rollout_drift_jsonl(result: RolloutResult) -> Iterator[str]:
    """Render the lines of the drift, each with its line break; it must have been made with records."""
    summary = get_fields(_summarize_drift(result), RolloutDriftSummary)
    yield f"{encode_json(RolloutDriftLine(**summary, environments=len(result.responses)))}\n"
    for response in result.responses:
        line = EnvironmentDriftLine(**get_fields(_to_drift_record(response), EnvironmentDriftRecord))
        yield f"{encode_json(line)}\n"


class RolloutEventWriter:
    """A listener that writes one line for each event of a rollout, as soon as it happens; thread-safe."""

    def __init__(
        self,
        plan: RolloutPlan,
        stream: IO[str],
        now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
    ) -> None:
        self._plan, self._stream, self._now = plan, stream, now
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Write the first line."""
        self._write(
            RolloutEvent(
                time=self._format_now(),
                command="destroy" if self._plan.options.destroy else "apply",
                digest=self._plan.digest,
                counts=self._plan.counts,
                environments=tuple(response.environment for response in self._plan.responses),
            )
        )

    def on_event(self, event: TaskEvent | TaskResponse) -> None:
        """Write the progress or the end of an environment."""
        if isinstance(event, TaskResponse):
            self._write_end(event)
            return
        self._write(
            EnvironmentEvent(
                time=self._format_now(),
                environment=event.environment,
                phase=event.phase,
                counts=event.counts,
                total=event.total,
            )
        )

    def on_stop(self) -> None:
        """Write nothing: each environment that is not started has an event of its own."""

    def end(self, result: RolloutResult, seconds: float) -> None:
        """Write the lines of the environments that were not started, and the last line."""
        for name, reason in result.blocked.items():
            self._write(
                EnvironmentEndEvent(
                    time=self._format_now(),
                    environment=name,
                    status="blocked",
                    counts={},
                    seconds=0.0,
                    error=reason,
                    failures=(),
                )
            )
        self._write(
            RolloutEndEvent(
                time=self._format_now(), ok=result.ok, statuses=result.counts, seconds=round(seconds, 6)
            )
        )

    def _write_end(self, response: TaskResponse) -> None:
        run = response.run
        self._write(
            EnvironmentEndEvent(
                time=self._format_now(),
                environment=response.environment,
                status=response.status,
                counts=run.counts if run else {},
                seconds=round(response.seconds, 6),
                error=response.error,
                failures=tuple(
                    StepFailure(address=address, error=error)
                    for address, error in (run.failures if run else ())
                ),
            )
        )

    def _format_now(self) -> str:
        return self._now().isoformat(timespec="milliseconds")

    def _write(self, event: object) -> None:
        with self._lock:
            self._stream.write(f"{encode_json(event)}\n")
            self._stream.flush()


def _summarize_plan(plan: RolloutPlan) -> RolloutPlanSummary:
    return RolloutPlanSummary(
        digest=plan.digest,
        counts=plan.counts,
        statuses=_count_statuses(plan.responses),
        calls=sum(response.plan.call_count for response in plan.responses if response.plan),
        seconds=plan.seconds,
        groups=_name_groups([response for response in plan.responses if response.status == "planned"]),
        notes=tuple(f"{', '.join(note.environments)} {note.text}" for note in plan.notes),
    )


def _summarize_drift(result: RolloutResult) -> RolloutDriftSummary:
    counts: Counter[str] = Counter()
    for response in result.responses:
        counts.update(response.drift.counts if response.drift else {})
    return RolloutDriftSummary(
        counts={direction: counts[direction] for direction in DIRECTIONS},
        statuses=_count_statuses(result.responses),
        groups=_name_groups([response for response in result.responses if response.status == "drifted"]),
    )


def _count_statuses(responses: Sequence[TaskResponse]) -> dict[str, int]:
    return dict(Counter(response.status for response in responses))


def _name_groups(responses: Sequence[TaskResponse]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(response.environment for response in group) for group in group_alike(responses))


def _to_plan_record(response: TaskResponse) -> EnvironmentPlanRecord:
    plan = response.plan
    return EnvironmentPlanRecord(
        environment=response.environment,
        status=response.status,
        workspace=plan.workspace if plan else None,
        target=_to_target(plan.target) if plan else None,
        digest=plan.digest if plan else "",
        counts=plan.counts if plan else dict.fromkeys(ACTIONS, 0),
        calls=plan.call_count if plan else 0,
        seconds=plan.seconds if plan else 0.0,
        notes=tuple(
            NoteRecord(level=note.level, text=note.text, address=note.address or None)
            for note in (plan.view.notes if plan else ())
        ),
        changes=plan.changes if plan else (),
        error=response.error,
    )


def _to_drift_record(response: TaskResponse) -> EnvironmentDriftRecord:
    drift = response.drift
    return EnvironmentDriftRecord(
        environment=response.environment,
        status=response.status,
        workspace=drift.workspace if drift else None,
        target=_to_target(drift.target) if drift else None,
        counts={direction: drift.counts.get(direction, 0) if drift else 0 for direction in DIRECTIONS},
        resources=drift.resources if drift else (),
        error=response.error,
    )


def _to_target(target: TargetRecord) -> Target:
    return Target(target.endpoint, target.region, target.account)
