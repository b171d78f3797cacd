"""Jupyter: progress in a cell, the panel, the `%reconcile` magic.

Invariant: only this package uses widgets (anywidget), and imports them only when a panel is opened. One thread at a time writes to
the page, and shows progress at most five times a second. A panel shows what is in the widget's traits, which a reloaded page
reads again; only the details of expanded rows are sent as messages.
"""

from __future__ import annotations

import sys


def is_in_notebook() -> bool:
    """Return whether this process is a notebook's kernel, without importing anything."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None
