"""An apply as JSON Lines: one event per line, written as it happens."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping
from typing import IO, Any, Literal, Self, TypeAlias, cast

from reconciler.engine.journal.redact_call import list_secret_texts, redact_values
from reconciler.frozen_classes import frozen
from reconciler.model.address import Address
from reconciler.model.errors import AwsError
from reconciler.model.outcome import (
    FINAL_STATUSES,
    Applied,
    Failed,
    Outcome,
    Result,
    Skipped,
    Started,
    Waiting,
)
from reconciler.model.plan import Plan, Target
from reconciler.render.json.encode import encode_json
from reconciler.render.views.next_step import suggest_next_step

EVENTS_FORMAT: Literal["reconciler.events"] = "reconciler.events"
EVENTS_VERSION: Literal[1] = 1


@frozen(kw_only=True)
class RunEvent:
    """The first line: the plan that is about to be applied.

    In every event, `time` is UTC in ISO 8601. `digest` is the plan's digest; `counts` are the numbers of changes by action;
    `environment` is empty in a file without environments.
    """

    event: Literal["run"] = "run"
    format: Literal["reconciler.events"] = EVENTS_FORMAT
    version: Literal[1] = EVENTS_VERSION
    time: str
    workspace: str
    target: Target
    digest: str
    counts: Mapping[str, int]
    environment: str = ""


@frozen(kw_only=True)
class ErrorRecord:
    """Why a step failed, and what to do next.

    `message` contains no secrets. `code` and `request_id` are those of AWS's error response, and null for any other error; a
    response may lack the request ID. `next_step` is advice, or empty.
    """

    message: str
    code: str | None
    request_id: str | None
    next_step: str


EventName: TypeAlias = Literal["started", "waiting", "applied", "failed", "skipped", "canceled"]


@frozen(kw_only=True)
class StepEvent:
    """The outcome of one step, or that it started or waits for AWS.

    `address` is the changed resource; `action` is "create", "update", "replace", "delete" or "forget".
    `calls` are all calls of the step, in each of its events. If it was applied or failed, `completed_calls` is the number of
    calls that succeeded, and `seconds` the time since it started; of a waiting step, `seconds` is how long it has waited.
    `request_ids` are AWS's IDs of the requests of an applied step, in the order of the calls. `blocked_by` is the address whose
    failure caused the step to be skipped. `error` is why the step failed.
    """

    event: EventName
    time: str
    address: str
    action: str
    calls: tuple[str, ...]
    completed_calls: int = 0
    request_ids: tuple[str, ...] = ()
    seconds: float | None = None
    error: ErrorRecord | None = None
    blocked_by: str | None = None


@frozen(kw_only=True)
class EndEvent:
    """The last line; it is missing if the apply has no result, for example if the workspace is locked.

    `ok` is whether every step was applied. `counts` are the numbers of steps by final status: "applied", "failed", "skipped" and
    "canceled". `seconds` is how long the apply took.
    """

    event: Literal["end"] = "end"
    time: str
    ok: bool
    counts: Mapping[str, int]
    seconds: float


@frozen
class _RunningStep:
    """The names of a step's calls, and when the step started; None if it did not start."""

    calls: tuple[str, ...]
    started_at: float | None


class EventWriter:
    """A listener that writes one line for each event of an apply, as soon as it happens."""

    def __init__(
        self,
        plan: Plan,
        stream: IO[str],
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
    ) -> None:
        self._plan, self._stream, self._clock, self._now = plan, stream, clock, now
        self._secrets = list_secret_texts(plan.secrets)
        self._running_steps: dict[Address, _RunningStep] = {}

    def __enter__(self) -> Self:
        plan = self._plan
        self._write(
            RunEvent(
                time=self._format_now(),
                workspace=plan.workspace,
                target=plan.target,
                digest=plan.digest,
                counts=plan.counts,
                environment=plan.environment,
            )
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Write nothing: `end` writes the last line, because it knows the result."""

    def on_outcome(self, outcome: Outcome) -> None:
        """Write one outcome."""
        address = outcome.change.address
        step = self._running_steps.get(address)
        if step is None:
            calls = tuple(map(str, self._plan.build_step(outcome.change).calls))
            step = _RunningStep(calls, self._clock() if isinstance(outcome, Started) else None)
        self._write(
            StepEvent(
                event=cast("EventName", outcome.status),
                time=self._format_now(),
                address=str(address),
                action=outcome.change.action,
                calls=step.calls,
                **self._build_details(outcome, step.started_at),
            )
        )
        if isinstance(outcome, Started | Waiting):
            self._running_steps[address] = step
        else:
            self._running_steps.pop(address, None)

    def on_stop(self) -> None:
        """Write nothing: each step that is not started has an event of its own."""

    def end(self, result: Result) -> None:
        """Write the last line."""
        counts = {status: result.count(status) for status in FINAL_STATUSES}
        self._write(
            EndEvent(time=self._format_now(), ok=result.ok, counts=counts, seconds=round(result.seconds, 6))
        )

    def _build_details(self, outcome: Outcome, started_at: float | None) -> Mapping[str, Any]:
        """Return the members of an event that only this kind of outcome has."""
        match outcome:
            case Applied():
                return {
                    "completed_calls": len(outcome.request_ids),
                    "request_ids": outcome.request_ids,
                    "seconds": round(outcome.seconds, 6),
                }
            case Waiting():
                return {"seconds": round(outcome.seconds, 6)}
            case Failed():
                return {
                    "completed_calls": outcome.completed_calls,
                    "seconds": None if started_at is None else round(self._clock() - started_at, 6),
                    "error": self._build_error_record(outcome),
                }
            case Skipped():
                return {"blocked_by": str(outcome.blocked_by)}
            case _:
                return {}

    def _format_now(self) -> str:
        return self._now().isoformat(timespec="milliseconds")

    def _write(self, event: object) -> None:
        self._stream.write(f"{encode_json(event)}\n")
        self._stream.flush()

    def _build_error_record(self, outcome: Failed) -> ErrorRecord:
        """Build the record of a failure; the secrets of the plan's calls are redacted in its message."""
        error = outcome.error
        message = str(error)
        code: str | None = None
        request_id: str | None = None
        if isinstance(error, AwsError):
            message, code, request_id = error.message, error.code, error.request_id or None
        return ErrorRecord(
            message=redact_values(message, self._secrets),
            code=code,
            request_id=request_id,
            next_step=suggest_next_step(error),
        )
