"""Jupyter: progress in a cell, the panel, the `%reconcile` magic.

Invariant: only this package uses widgets (anywidget), and imports them only when a panel is opened. One thread at a time writes to
the page, and shows progress at most five times a second. A panel shows what is in the widget's traits, which a reloaded page
reads again; only the details of expanded rows are sent as messages.
"""

from __future__ import annotations

import sys
import threading


def is_in_notebook() -> bool:
    """Return whether this process is a notebook's kernel, without importing anything."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


def is_in_marimo() -> bool:
    """Return whether this process runs a marimo notebook, without importing anything."""
    return "marimo" in sys.modules and bool(sys.modules["marimo"].running_in_notebook())


def can_show_widgets() -> bool:
    """Return whether a front end can show widgets: that of an IPython kernel, or marimo."""
    return is_in_notebook() or is_in_marimo()


def get_thread_class() -> type[threading.Thread]:
    """Return the class of threads that may write to the page: marimo has one of its own."""
    return sys.modules["marimo"].Thread if is_in_marimo() else threading.Thread
