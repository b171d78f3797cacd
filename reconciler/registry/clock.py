"""Virtual time: a delay moves the clock and takes no real time, so hours of throttling take seconds.

Invariant: the clock never moves backwards.
"""

import threading
import time


class VirtualClock:
    """A stand-in for `time.time` that moves only in `advance_to`. Thread-safe.

    It starts at `start`, in seconds since the epoch (default: the present).
    """

    def __init__(self, start: float | None = None) -> None:
        self._now = time.time() if start is None else start
        self._lock = threading.Lock()

    def __call__(self) -> float:
        """Return the time, in seconds since the epoch."""
        return self._now

    def advance_to(self, moment: float) -> None:
        """Move the clock forward to a moment, unless the clock is already past it."""
        with self._lock:
            self._now = max(self._now, moment)
