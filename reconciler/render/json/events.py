"""A run as lines of JSON, each written when it happens."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping
from typing import IO, Any, Literal, Self, TypeAlias, cast

from attrs import frozen

from reconciler.engine.journal.redact_call import discreet, secrets_of
from reconciler.model.address import Address
from reconciler.model.errors import AwsError
from reconciler.model.outcome import Applied, Failed, Outcome, Result, Skipped, Started
from reconciler.model.plan import Plan, Target
from reconciler.render.json.encode import encode_json
from reconciler.render.views.next_step import suggest_next_step

EVENTS_FORMAT: Literal["reconciler.events"] = "reconciler.events"
EVENTS_VERSION: Literal[1] = 1


@frozen(kw_only=True)
class RunEvent:
    """The first line: what is about to be applied. `time` is UTC in ISO 8601, as everywhere here."""

    event: Literal["run"] = "run"
    format: Literal["reconciler.events"] = EVENTS_FORMAT
    version: Literal[1] = EVENTS_VERSION
    time: str
    workspace: str
    target: Target
    digest: str
    counts: Mapping[str, int]


@frozen(kw_only=True)
class ErrorRecord:
    """What went wrong with a step: AWS's code and request where it was AWS that refused, and what to do next."""

    message: str
    code: str | None
    request_id: str | None
    next: str


EventName: TypeAlias = Literal["started", "applied", "failed", "skipped", "cancelled"]


@frozen(kw_only=True)
class StepEvent:
    """What became of one step. `calls` are all that it has, `done` how many were answered: none where it was done already.

    `request_ids` are AWS's, in the order of the calls; `seconds` is since it was started; `because` is the address whose
    failure it was skipped for.
    """

    event: EventName
    time: str
    address: str
    action: str
    calls: tuple[str, ...]
    done: int = 0
    request_ids: tuple[str, ...] = ()
    seconds: float | None = None
    error: ErrorRecord | None = None
    because: str | None = None


@frozen(kw_only=True)
class EndEvent:
    """The last line, which is there whatever became of the run."""

    event: Literal["end"] = "end"
    time: str
    ok: bool
    counts: Mapping[str, int]
    seconds: float


class EventWriter:
    """Watches an apply and writes a line for each event at once."""

    def __init__(
        self,
        plan: Plan,
        stream: IO[str],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
    ) -> None:
        self._plan, self._stream, self._clock, self._now = plan, stream, clock, now
        self._calls = {step.address: tuple(map(str, step.calls)) for step in plan.steps}
        self._secrets = secrets_of(plan.steps)
        self._begun: dict[Address, float] = {}

    def __enter__(self) -> Self:
        plan = self._plan
        self._write(
            RunEvent(
                time=self._time(),
                workspace=plan.workspace,
                target=plan.target,
                digest=plan.digest,
                counts=plan.counts,
            )
        )
        return self

    def __exit__(self, *_: object) -> None:
        """The end is written by `end`, which knows the result."""

    def hear(self, outcome: Outcome) -> None:
        """One outcome."""
        address = outcome.change.address
        told: dict[str, Any] = {}
        match outcome:
            case Started():
                self._begun[address] = self._clock()
            case Applied():
                told = {
                    "done": len(outcome.request_ids),
                    "request_ids": outcome.request_ids,
                    "seconds": round(outcome.seconds, 6),
                }
            case Failed():
                begun = self._begun.get(address)
                told = {
                    "done": outcome.completed_calls,
                    "seconds": None if begun is None else round(self._clock() - begun, 6),
                    "error": self._error(outcome),
                }
            case Skipped():
                told = {"because": str(outcome.blocked_by)}
        self._write(
            StepEvent(
                event=cast("EventName", outcome.status),
                time=self._time(),
                address=str(address),
                action=outcome.change.action,
                calls=self._calls[address],
                **told,
            )
        )

    def stopping(self) -> None:
        """What was not begun is told as cancelled."""

    def end(self, result: Result) -> None:
        """The last line."""
        counts = {word: result.count(word) for word in ("applied", "failed", "skipped", "cancelled")}
        self._write(
            EndEvent(time=self._time(), ok=result.ok, counts=counts, seconds=round(result.seconds, 6))
        )

    def _time(self) -> str:
        return self._now().isoformat(timespec="milliseconds")

    def _write(self, event: object) -> None:
        self._stream.write(f"{encode_json(event)}\n")
        self._stream.flush()

    def _error(self, outcome: Failed) -> ErrorRecord:
        """What went wrong, without what the plan's calls carry and nobody may see."""
        error = outcome.error
        aws = error if isinstance(error, AwsError) else None
        return ErrorRecord(
            message=discreet(aws.message if aws else str(error), self._secrets),
            code=aws.code if aws else None,
            request_id=aws.request_id or None if aws else None,
            next=suggest_next_step(error),
        )
