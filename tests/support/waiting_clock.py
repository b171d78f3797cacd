"""A virtual clock that many threads can sleep on, for simulations that would take hours in real time.

Invariant: the clock moves no further than the earliest moment that a thread sleeps until, and it stands still while a
thread that called `busy` is not asleep.
"""

import heapq
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.registry.clock import VirtualClock

# Real time for which all busy threads must sleep before the clock moves: while one thread hands work to another,
# both may look idle for a moment.
_SETTLED_SECONDS = 0.0003


class WaitingClock(VirtualClock):
    """A clock whose `sleep` takes no time, as a stand-in for `time.time` and `time.sleep`. Thread-safe."""

    def __init__(self, start: float | None = None) -> None:
        super().__init__(start)
        self._sleepers: list[tuple[float, int, threading.Event]] = []
        self._busy_threads = 0
        # Counts every change of the sleepers and the busy threads.
        self._changes = 0

    @property
    def sleepers(self) -> int:
        """The number of threads that sleep."""
        return len(self._sleepers)

    def advance_to(self, moment: float) -> None:
        """Move the clock forward to a moment and wake the threads that sleep until then."""
        with self._lock:
            self._move_to(moment)

    def sleep(self, seconds: float) -> None:
        """Return when the clock has moved by `seconds`, which happens once no thread is busy."""
        awake = threading.Event()
        with self._lock:
            self._changes += 1
            heapq.heappush(self._sleepers, (self() + seconds, self._changes, awake))
        self._wake_next()
        awake.wait()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Keep the clock still while this thread works and does not sleep."""
        with self._lock:
            self._busy_threads += 1
            self._changes += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy_threads -= 1
                self._changes += 1
            self._wake_next()

    def _wake_next(self) -> None:
        """Move the clock to the earliest sleeper's moment, if every busy thread sleeps and keeps sleeping."""
        with self._lock:
            is_idle = self._sleepers and len(self._sleepers) >= self._busy_threads
            changes = self._changes
        if not is_idle:
            return
        time.sleep(_SETTLED_SECONDS)
        with self._lock:
            if changes == self._changes and self._sleepers:
                self._move_to(self._sleepers[0][0])

    def _move_to(self, moment: float) -> None:
        self._now = max(self._now, moment)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            heapq.heappop(self._sleepers)[2].set()
            self._changes += 1
