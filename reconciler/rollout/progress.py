"""The progress of a rollout: the running environments, and the numbers of the others."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection

from reconciler.frozen_classes import frozen
from reconciler.render.views.rollout import RolloutProgressView
from reconciler.rollout.messages import TaskEvent, TaskResponse
from reconciler.rollout.view import build_environment_progress


@frozen
class _Running:
    event: TaskEvent
    started_at: float


class RolloutTracker:
    """The tracker of the events of a rollout; thread-safe. `clock` returns seconds."""

    def __init__(self, names: Collection[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._total = len(names)
        self._clock = clock
        self._lock = threading.Lock()
        self._running: dict[str, _Running] = {}
        self._statuses: dict[str, str] = {}
        self._started_at = clock()

    def record(self, event: TaskEvent | TaskResponse) -> None:
        """Record the progress or the response of an environment."""
        name = event.environment
        with self._lock:
            if isinstance(event, TaskResponse):
                self._running.pop(name, None)
                self._statuses[name] = event.status
            elif name not in self._statuses:  # an event of a task may come after its response
                running = self._running.get(name)
                self._running[name] = _Running(event, running.started_at if running else self._clock())

    def build_view(self) -> RolloutProgressView:
        """Build the view of the present progress; the environment that has run longest is first."""
        now = self._clock()
        with self._lock:
            running, statuses = dict(self._running), dict(self._statuses)
        return RolloutProgressView(
            running=tuple(
                build_environment_progress(item.event, now - item.started_at) for item in running.values()
            ),
            counts=Counter(statuses.values()),
            waiting=self._total - len(running) - len(statuses),
            total=self._total,
            seconds=now - self._started_at,
        )
