"""The progress of an apply: finished steps, running steps, and the remaining time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from reconciler.frozen_classes import frozen
from reconciler.model.outcome import FINAL_STATUSES, Applied, Failed, Outcome, Started, Waiting
from reconciler.model.plan import Plan
from reconciler.model.text import escape_invisible
from reconciler.render.views.labels import format_duration, format_workspace
from reconciler.render.views.result import OutcomeView, build_outcome_view

_EXECUTED_STATUSES = (Applied.status, Failed.status)


@frozen
class ProgressView:
    """The progress at one moment.

    `counts` are the numbers of finished steps by status. `running` has the address, action and seconds of each running step, the
    oldest first.
    """

    workspace: str
    total: int
    counts: Mapping[str, int]
    running: tuple[tuple[str, str, float], ...]
    time_text: str

    @property
    def executed(self) -> int:
        """The number of steps that were applied or failed; skipped and canceled steps were not executed."""
        return sum(self.counts.get(status, 0) for status in _EXECUTED_STATUSES)


class ProgressTracker:
    """The tracker of the outcomes of an apply; thread-safe.

    `clock` returns seconds.
    """

    def __init__(self, plan: Plan, clock: Callable[[], float] = time.monotonic) -> None:
        self._plan, self._clock = plan, clock
        self._lock = threading.Lock()
        self._running: dict[str, tuple[str, float]] = {}  # address → the action and the time of its start
        self._counts = dict.fromkeys(FINAL_STATUSES, 0)
        self._started_at = clock()

    def start(self) -> None:
        """Count the elapsed time from now on, instead of from the creation of the tracker."""
        self._started_at = self._clock()

    def record(self, outcome: Outcome) -> OutcomeView:
        """Record that a step has started or ended (waiting is not recorded), and return the outcome's view."""
        view = build_outcome_view(outcome)
        with self._lock:
            if isinstance(outcome, Started):
                self._running[view.address] = (view.action, self._clock())
            elif not isinstance(outcome, Waiting):
                self._running.pop(view.address, None)
                self._counts[view.status] += 1
        return view

    def build_view(self) -> ProgressView:
        """Build the view of the present progress."""
        with self._lock:
            counts, running = dict(self._counts), list(self._running.items())
        now = self._clock()
        return ProgressView(
            workspace=escape_invisible(format_workspace(self._plan.workspace, self._plan.environment)),
            total=len(self._plan.steps),
            counts=counts,
            running=tuple((address, action, now - start) for address, (action, start) in running),
            time_text=self._describe_time(now - self._started_at, sum(counts.values())),
        )

    def _describe_time(self, elapsed: float, ended: int) -> str:
        """Describe the elapsed and the remaining time; `ended` is the number of finished steps.

        The remaining time is estimated from the time per finished step; it is left out before the first step and after the last one
        has finished. It is at least what AWS's quotas require, except for the embedded registry.
        """
        total = len(self._plan.steps)
        text = f"{format_duration(elapsed)} elapsed"
        if not 0 < ended < total:
            return text
        remaining = elapsed / ended * (total - ended)
        if self._plan.target.endpoint != "embedded":
            remaining = max(remaining, self._plan.estimate.seconds - elapsed)
        return f"{text}, about {format_duration(max(remaining, 0.0))} left"


def format_read_progress(subject: str, done: int, total: int | None) -> str:
    """Format what is being read from the registry, and how much of it: `things 1,200 of 10,000 …`."""
    of_total = f" of {total:,}" if total else ""
    count = f" {done:,}{of_total}" if done or total else ""
    return f"{escape_invisible(subject)}{count} …"
