"""Runs as the journal tells them: who applied what, and what became of each step and of each call."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping

from attrs import field, frozen

RUN_STATUSES: tuple[str, ...] = ("running", "applied", "failed", "stopped", "crashed")
"""How a run stands. "crashed": it never said that it ended, and its process is gone or ran on another host."""

UNFINISHED_STATUSES: tuple[str, ...] = ("planned", "started", "unknown", "failed", "skipped", "cancelled")
"""The states of a step that is not applied. "unknown": it was begun, and the run ended without a word about it."""


@frozen
class ProcessIdentity:
    """Who ran it: `job` is the CI job's address, or empty; `born` is when the process began, in seconds of Unix time."""

    user: str
    host: str
    pid: int
    job: str = ""
    started_at: float = field(default=0.0, eq=False)

    def __str__(self) -> str:
        return f"{self.user}@{self.host}"


@frozen
class Run:
    """One apply. Times are in UTC; `ended` is None while it runs, and for good when it crashed.

    `counts` are its steps by state, `calls` how many were sent (repetitions included), `unanswered` those of them whose
    answer is not known. `file_digest` and `plan_digest` are SHA-256 in hexadecimal.
    """

    id: str
    workspace: str
    target: str
    process: ProcessIdentity
    command: str
    file_digest: str
    plan_digest: str
    started_at: datetime.datetime
    ended_at: datetime.datetime | None
    status: str
    counts: Mapping[str, int] = field(factory=dict)
    call_count: int = 0
    unanswered_call_count: int = 0

    @property
    def seconds(self) -> float | None:
        """How long it took, where that is known."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None

    def __str__(self) -> str:
        told = ", ".join(f"{count} {state}" for state, count in self.counts.items() if count)
        return (
            f"run {self.id}: {self.command} of {self.workspace} by {self.process}, {self.started_at:%Y-%m-%d %H:%M:%S} UTC, "
            f"{self.status} ({told or 'no steps'})"
        )


@frozen
class RunStep:
    """What became of one step: `state` is an outcome's word, or one of `UNFINISHED`. `error` is without secrets."""

    address: str
    action: str
    status: str
    seconds: float | None = None
    error: str = ""


@frozen
class RunCall:
    """One attempt at one call. `names` says what it is about, never what it carries.

    `state` is "answered", "refused", "lost" (no answer came: it may have been done), "in flight" or "unknown" (the run
    ended before an answer was noted: it may have been done). `code` is AWS's error code or our class of error; an error
    that means that all is as it should be (detaching what is detached) counts as an answer.
    """

    number: int
    address: str
    service: str
    operation: str
    parameters: str
    status: str
    started_at: datetime.datetime
    ended_at: datetime.datetime | None = None
    request_id: str = ""
    error_code: str = ""

    @property
    def seconds(self) -> float | None:
        """How long the answer took."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None

    def __str__(self) -> str:
        return f"{self.service}:{self.operation}"


@frozen
class RunRecord:
    """A run with its steps, in the plan's order, and its calls, in the order in which they were begun."""

    run: Run
    steps: tuple[RunStep, ...] = ()
    calls: tuple[RunCall, ...] = ()

    @property
    def unfinished_addresses(self) -> tuple[str, ...]:
        """The addresses of the steps that were not applied."""
        return tuple(step.address for step in self.steps if step.status in UNFINISHED_STATUSES)

    def __str__(self) -> str:
        steps = (f"  {step.status} {step.action} {step.address}" for step in self.steps)
        return "\n".join([str(self.run), *steps])


@frozen
class History:
    """Runs, the newest first."""

    runs: tuple[Run, ...] = ()

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def __str__(self) -> str:
        return "\n".join(map(str, self.runs)) or "no run yet"
