"""Ctrl-C while calls are in flight: the first lets them finish, the second aborts."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING_MESSAGE = "stopping: finishing calls in flight, starting no more; interrupt again to abort now"
"""The message after the first interrupt."""


@contextmanager
def drain_on_interrupt(stop: threading.Event, notify: Callable[[], None]) -> Iterator[None]:
    """Set `stop` on the first Ctrl-C or SIGTERM and raise KeyboardInterrupt on the second.

    CI systems cancel jobs with SIGTERM. `notify` is called on the first signal, in the signal handler, so it must not wait for a
    lock. Outside the main thread, this does nothing, because only the main thread may set signal handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        notify()

    previous_handlers = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)
