"""Interrupting a kernel that works in the background: no cell is running, so nothing else would hear of it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from IPython import get_ipython

_IDLE = signal.SIG_IGN
"""What ipykernel does with an interrupt between cells; while a cell runs it has a handler of its own."""


def hear(act: Callable[[], None] | None) -> None:
    """Do this on an interrupt between cells; with None, nothing any more. From any thread."""
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return

    def handle(_number: int, _frame: Any) -> None:
        if act:
            act()

    # Only the main thread may set a handler, and only between two cells is it not put back at once.
    kernel.io_loop.add_callback(signal.signal, signal.SIGINT, handle if act else _IDLE)
