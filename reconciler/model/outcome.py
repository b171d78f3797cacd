"""What became of one step of a plan, told as it happens."""

from __future__ import annotations

from typing import ClassVar, TypeAlias

from attrs import frozen

from reconciler.model.address import Address
from reconciler.model.change import Change
from reconciler.model.errors import ReconcilerError
from reconciler.model.plan import Plan


@frozen
class Started:
    """Its first call is about to be sent."""

    status: ClassVar[str] = "started"
    change: Change


@frozen
class Waiting:
    """It goes on waiting for AWS to catch up with what was done, for so many seconds by now."""

    status: ClassVar[str] = "waiting"
    change: Change
    seconds: float


@frozen
class Applied:
    """Every call of it was answered. `seconds` is wall time; `request_ids` are AWS's, in the order of the calls."""

    status: ClassVar[str] = "applied"
    change: Change
    seconds: float
    request_ids: tuple[str, ...] = ()


@frozen
class Failed:
    """A call of it was refused; `done` of its calls had succeeded before."""

    status: ClassVar[str] = "failed"
    change: Change
    error: ReconcilerError
    completed_calls: int = 0


@frozen
class Skipped:
    """It was not tried, because a step that it waits for failed."""

    status: ClassVar[str] = "skipped"
    change: Change
    blocked_by: Address


@frozen
class Canceled:
    """It was not tried, because the run was stopped."""

    status: ClassVar[str] = "cancelled"
    change: Change


Outcome: TypeAlias = Started | Waiting | Applied | Failed | Skipped | Canceled


@frozen
class Result:
    """What became of a whole plan. `outcomes` holds the final one of every step, in the order in which they ended.

    `unrecorded` says why the journal does not tell all of this run; it is empty when it does.
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
        """How many steps ended so: "applied", "failed", "skipped" or "cancelled"."""
        return sum(outcome.status == status for outcome in self.outcomes)

    def __str__(self) -> str:
        words = ("applied", "failed", "skipped", "cancelled")
        told = ", ".join(f"{self.count(word)} {word}" for word in words if self.count(word))
        return f"{told or 'nothing to do'} in {self.seconds:.1f} s"
