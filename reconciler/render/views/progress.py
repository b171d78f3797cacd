"""How far an apply is, what it is at, and how long it may still take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from attrs import frozen

from reconciler.model.outcome import Outcome, Started, Waiting
from reconciler.model.plan import Plan
from reconciler.model.text import visible
from reconciler.render.views.plan import format_duration
from reconciler.render.views.result import OutcomeView, build_outcome_view


@frozen
class ProgressView:
    """A moment of it. `running` are address, action and seconds of what is in flight, the oldest first."""

    workspace: str
    total: int
    counts: Mapping[str, int]
    running: tuple[tuple[str, str, float], ...]
    time_text: str

    @property
    def ended(self) -> int:
        """How many steps have come to an end."""
        return sum(self.counts.values())


class ProgressTracker:
    """Hears what becomes of each step, from any thread. `clock` is in seconds."""

    def __init__(self, plan: Plan, clock: Callable[[], float] = time.monotonic) -> None:
        self._plan, self._clock = plan, clock
        self._lock = threading.Lock()
        self._running: dict[str, tuple[str, float]] = {}
        self._counts = dict.fromkeys(("applied", "failed", "skipped", "cancelled"), 0)
        self._begun = clock()

    def start(self) -> None:
        """Time counts from here."""
        self._begun = self._clock()

    def record(self, outcome: Outcome) -> OutcomeView:
        """Count it, and say it as people read it."""
        end = build_outcome_view(outcome)
        with self._lock:
            if isinstance(outcome, Started):
                self._running[end.address] = (end.action, self._clock())
            elif not isinstance(outcome, Waiting):
                self._running.pop(end.address, None)
                self._counts[end.status] += 1
        return end

    def build_view(self) -> ProgressView:
        """How far it is now."""
        with self._lock:
            counts, running = dict(self._counts), list(self._running.items())
        now = self._clock()
        return ProgressView(
            workspace=visible(self._plan.workspace),
            total=len(self._plan.steps),
            counts=counts,
            running=tuple((address, action, now - since) for address, (action, since) in running),
            time_text=self._time(now - self._begun, sum(counts.values())),
        )

    def _time(self, passed: float, ended: int) -> str:
        """What passed, and what is left: at this pace, and no less than AWS's quotas allow."""
        total = len(self._plan.steps)
        said = f"{format_duration(passed)} passed"
        if not 0 < ended < total:
            return said
        at_this_pace = passed / ended * (total - ended)
        least = 0.0 if self._plan.target.endpoint == "embedded" else self._plan.estimate.seconds - passed
        return f"{said}, about {format_duration(max(at_this_pace, least))} left"


def format_read_progress(subject: str, done: int, total: int | None) -> str:
    """Return what is being read from the registry, and how far: `things 1,200 of 10,000 …`."""
    of_total = f" of {total:,}" if total else ""
    count = f" {done:,}{of_total}" if done or total else ""
    return f"{visible(subject)}{count} …"
