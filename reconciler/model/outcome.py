"""Outcomes of the steps of a plan, and the result of a whole apply."""

from __future__ import annotations

from typing import ClassVar, TypeAlias

from reconciler.frozen_classes import frozen
from reconciler.model.address import Address
from reconciler.model.change import Change
from reconciler.model.errors import ReconcilerError
from reconciler.model.plan import Plan
from reconciler.model.status import format_status_counts

FINAL_STATUSES = ("applied", "failed", "skipped", "canceled")
"""The statuses of a step when a run has ended."""


@frozen
class Started:
    """A step that starts: its resource is about to be re-read, and then its calls are sent."""

    status: ClassVar[str] = "started"
    change: Change


@frozen
class Waiting:
    """A step that waits for AWS to finish what an earlier call began, so far for `seconds`."""

    status: ClassVar[str] = "waiting"
    change: Change
    seconds: float


@frozen
class Applied:
    """A step whose calls have all succeeded, or that had nothing left to do when it started.

    `seconds` is how long its calls took; `request_ids` are AWS's IDs of the requests, in the order of the calls. If there was
    nothing left to do, no call was sent.
    """

    status: ClassVar[str] = "applied"
    change: Change
    seconds: float
    request_ids: tuple[str, ...] = ()


@frozen
class Failed:
    """A step that failed after `completed_calls` of its calls had succeeded."""

    status: ClassVar[str] = "failed"
    change: Change
    error: ReconcilerError
    completed_calls: int = 0


@frozen
class Skipped:
    """A step that was not tried because it depends, perhaps indirectly, on the failed step `blocked_by`."""

    status: ClassVar[str] = "skipped"
    change: Change
    blocked_by: Address


@frozen
class Canceled:
    """A step that was not tried because the run was stopped."""

    status: ClassVar[str] = "canceled"
    change: Change


Outcome: TypeAlias = Started | Waiting | Applied | Failed | Skipped | Canceled
"""An event of a step; all but `Started` and `Waiting` are final."""


@frozen(slots=True)
class Result:
    """The result of applying a plan.

    `outcomes` has the final outcome of every step, in the order in which the steps ended. `seconds` is how long the apply
    took. `journal_problem` is the reason why the journal does not have the complete run, or empty.
    """

    plan: Plan
    outcomes: tuple[Outcome, ...]
    seconds: float
    journal_problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether every step was applied."""
        return all(isinstance(outcome, Applied) for outcome in self.outcomes)

    def count(self, status: str) -> int:
        """Return the number of steps with a status: "applied", "failed", "skipped" or "canceled"."""
        return sum(outcome.status == status for outcome in self.outcomes)

    def __str__(self) -> str:
        counts = format_status_counts({status: self.count(status) for status in FINAL_STATUSES})
        return f"{counts or 'no steps'} in {self.seconds:.1f} s"
