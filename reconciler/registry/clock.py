"""Time that passes only where somebody waits: hours of throttled work in seconds.

Law: the clock never goes back, and it moves no further than the earliest moment that anybody waits for. Threads that
work are told to it with `busy`; it stands still while one of them is not waiting.
"""

import heapq
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

# How long, in real seconds, all must have been waiting: work that is being handed over is not idleness.
_SETTLED = 0.0003


class VirtualClock:
    """Seconds since the epoch, and waiting that costs none. Safe for many threads.

    It is a clock when it is called, as `time.time` is; `sleep` is `time.sleep`'s stand-in.
    """

    def __init__(self, start: float | None = None) -> None:
        self._now = time.time() if start is None else start
        self._guard = threading.Lock()
        self._waiting: list[tuple[float, int, threading.Event]] = []
        self._busy = 0
        self._turn = 0

    def __call__(self) -> float:
        """Tell the time, in seconds since the epoch."""
        return self._now

    def reach(self, moment: float) -> None:
        """Move forward to a moment; one that has passed changes nothing."""
        with self._guard:
            self._reach(moment)

    def sleep(self, seconds: float) -> None:
        """Come back when the clock is that much further, which it is as soon as nobody works."""
        woken = threading.Event()
        with self._guard:
            self._turn += 1
            heapq.heappush(self._waiting, (self._now + seconds, self._turn, woken))
        self._pass_time()
        woken.wait()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """While this thread works, only its own waiting lets time pass."""
        with self._guard:
            self._busy += 1
            self._turn += 1
        try:
            yield
        finally:
            with self._guard:
                self._busy -= 1
                self._turn += 1
            self._pass_time()

    def _pass_time(self) -> None:
        """Wake who waits for the earliest moment, when all who work are waiting and stay so."""
        turn = self._idle_turn()
        if turn is None:
            return
        time.sleep(_SETTLED)
        with self._guard:
            if turn == self._turn and self._waiting:
                self._reach(self._waiting[0][0])

    def _idle_turn(self) -> int | None:
        with self._guard:
            return self._turn if self._waiting and len(self._waiting) >= self._busy else None

    def _reach(self, moment: float) -> None:
        self._now = max(self._now, moment)
        while self._waiting and self._waiting[0][0] <= self._now:
            heapq.heappop(self._waiting)[2].set()
            self._turn += 1
