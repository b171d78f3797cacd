"""Past and current runs, as the journal records them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping

from reconciler.frozen_classes import field, frozen
from reconciler.model.status import format_status_counts
from reconciler.model.text import escape_invisible, format_time

RUN_STATUSES: tuple[str, ...] = ("running", "applied", "failed", "stopped", "crashed")
"""The statuses of a run. A run without a recorded end has "crashed" if its process has ended or is on another host."""

UNFINISHED_STATUSES: tuple[str, ...] = ("planned", "started", "unknown", "failed", "skipped", "canceled")
"""The statuses of a step that was not applied. An "unknown" step had started, and the run ended without recording an outcome of it."""


@frozen
class ProcessIdentity:
    """The process that makes a run, and its user.

    `user` and `host` are names; `pid` is the process ID; `job` is the URL of the CI job, or empty; `started_at` is the start of the
    process in seconds since 1970.
    """

    user: str
    host: str
    pid: int
    job: str = ""
    started_at: float = field(default=0.0, eq=False)  # measured with a tolerance

    def __str__(self) -> str:
        return f"{self.user}@{self.host}"


@frozen
class Run:
    """One apply.

    `id` identifies the run in the journal; `target` has the endpoint, the account and the Region; `process` is the process that made the run;
    `command` is "apply", "destroy", "rotate" or "adopt". `started_at` and `ended_at` are in UTC; `ended_at` is None while the run
    lasts, and stays None if the run crashes. `status` is "running", "applied", "failed", "stopped" or "crashed".
    `counts` has the number of its steps by status. `call_count` is the number of calls that were sent (repetitions included);
    `unanswered_call_count` is the number of those whose response was lost or is not recorded.
    `environment` is the environment's name, or empty in a file without environments.
    `file_digest` and `plan_digest` are SHA-256 in hexadecimal. `is_counted` is false if the journal is so damaged that the steps and
    calls cannot be counted; the counts are then empty.
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
    is_counted: bool = True
    environment: str = ""

    @property
    def seconds(self) -> float | None:
        """The duration of the run in seconds, or None without a recorded end."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None

    def __str__(self) -> str:
        steps = format_status_counts(self.counts)
        environment = f" in {self.environment}" if self.environment else ""
        return escape_invisible(  # another machine may have written it
            f"run {self.id}: {self.command} of {self.workspace}{environment} by {self.process}, {format_time(self.started_at)}, "
            f"{self.status} ({steps or 'no steps'})"
        )


@frozen
class RunStep:
    """A step of a run.

    `address` is the changed resource; `action` is "create", "update", "replace", "delete" or "forget". `status` is "applied",
    "planned", "started", "failed", "skipped", "canceled" or "unknown" (started, but the run ended without an outcome). `seconds` is
    how long the step took, None if unknown. `error` is why it failed, or empty, and contains no secrets.
    """

    address: str
    action: str
    status: str
    seconds: float | None = None
    error: str = ""


@frozen
class RunCall:
    """One attempt at one call.

    `number` counts the calls of the run. `service` and `operation` are boto3's names. `parameters` is text with only those
    parameters that identify resources. `started_at` and `ended_at` are in UTC. `request_id` is AWS's ID of the request, or
    empty. `status` is one of

    - "completed": AWS responded, perhaps with an error that the call expects;
    - "rejected": AWS returned another error;
    - "no response": there was no response or a server error; the call may have taken effect, unless it could not be sent;
    - "in flight": no response is recorded yet, and the run has not ended;
    - "unknown": the run ended before a response was recorded; the call may have taken effect.

    `error_code` is AWS's error code, or the name of the exception if AWS did not respond.
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
        """The seconds until the response or the failure, or None if neither is recorded."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None

    def __str__(self) -> str:
        return f"{self.service}:{self.operation}"


@frozen(slots=True)
class RunRecord:
    """A run with its steps and calls.

    `steps` are in the plan's order; `calls` are in the order in which they started.
    """

    run: Run
    steps: tuple[RunStep, ...] = ()
    calls: tuple[RunCall, ...] = ()

    @property
    def unfinished_addresses(self) -> tuple[str, ...]:
        """The addresses of the steps that were not applied."""
        return tuple(step.address for step in self.steps if step.status in UNFINISHED_STATUSES)

    def __str__(self) -> str:
        steps = (escape_invisible(f"  {step.status} {step.action} {step.address}") for step in self.steps)
        return "\n".join([str(self.run), *steps])


@frozen(slots=True)
class History:
    """Past runs, the newest first.

    `problem` is why some runs could not be read, or an empty string: a damaged journal has only the runs that are readable.
    """

    runs: tuple[Run, ...] = ()
    problem: str = ""

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def __str__(self) -> str:
        return "\n".join(map(str, self.runs)) or "no runs yet"
