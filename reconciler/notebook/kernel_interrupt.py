"""Interrupts between cells, so that the kernel's stop button stops an apply in the background."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from IPython import get_ipython

_HANDLER_BETWEEN_CELLS = signal.SIG_IGN
"""The handler that ipykernel sets between cells; while a cell runs, ipykernel sets another one."""


def set_interrupt_handler(on_interrupt: Callable[[], None] | None) -> None:
    """Call `on_interrupt` on an interrupt between cells; with None, ignore interrupts again. Thread-safe."""
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return

    def handle(_number: int, _frame: Any) -> None:
        if on_interrupt:
            on_interrupt()

    # Only the main thread may set the handler, and it must do so between two cells: after each cell, ipykernel restores the
    # handler from before the cell. The IO loop runs in the main thread, and calls back between cells.
    kernel.io_loop.add_callback(
        signal.signal, signal.SIGINT, handle if on_interrupt else _HANDLER_BETWEEN_CELLS
    )
