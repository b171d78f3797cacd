"""A virtual clock that many threads can sleep on, for simulations that would take hours in real time.

Invariant: by itself, the clock moves only to the next moment at which a sleeping thread wakes, and only while all threads
inside `busy` are asleep.
"""

import heapq
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.registry.clock import VirtualClock

# How long, in real time, all busy threads must have slept before the clock moves: while one thread hands work to
# another, both may look idle for a moment.
_SETTLED_SECONDS = 0.0003


class WaitingClock(VirtualClock):
    """A thread-safe clock whose `sleep` takes almost no real time.

    It replaces `time.time` and `time.sleep`.
    """

    def __init__(self, start: float | None = None) -> None:
        super().__init__(start)
        # A heap of: the moment at which a thread wakes, a number that keeps the order, and the event that wakes it.
        self._sleepers: list[tuple[float, int, threading.Event]] = []
        self._busy_threads = 0
        # How often the sleepers or the number of busy threads have changed.
        self._change_count = 0

    @property
    def sleeper_count(self) -> int:
        """The number of threads that sleep."""
        return len(self._sleepers)

    def advance_to(self, moment: float) -> None:
        """Move the clock forward to a moment and wake the threads that sleep until then or earlier."""
        with self._lock:
            self._move_to(moment)

    def sleep(self, seconds: float) -> None:
        """Return when the clock has moved by `seconds`, by itself or with `advance_to`."""
        awake = threading.Event()
        with self._lock:
            self._change_count += 1
            heapq.heappush(self._sleepers, (self() + seconds, self._change_count, awake))
        self._wake_next()
        awake.wait()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Keep the clock still while this thread works and does not sleep."""
        with self._lock:
            self._busy_threads += 1
            self._change_count += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy_threads -= 1
                self._change_count += 1
            self._wake_next()

    def _wake_next(self) -> None:
        """Move the clock to the next wake-up time if every busy thread sleeps and keeps sleeping."""
        with self._lock:
            all_busy_threads_sleep = self._sleepers and len(self._sleepers) >= self._busy_threads
            change_count = self._change_count
        if not all_busy_threads_sleep:
            return
        time.sleep(_SETTLED_SECONDS)
        with self._lock:
            if change_count == self._change_count and self._sleepers:
                next_moment, _, _ = self._sleepers[0]
                self._move_to(next_moment)

    def _move_to(self, moment: float) -> None:
        self._now = max(self._now, moment)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, awake = heapq.heappop(self._sleepers)
            awake.set()
            self._change_count += 1
