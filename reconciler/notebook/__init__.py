"""The notebook's own: progress in a cell, the panel, the extension.

Law: the only place that knows ipywidgets, and it is imported only where a panel is asked for. One thread at a time writes to
the page, at most five times a second, and what the page shows is also in the value that a reloaded page reads.
"""

from __future__ import annotations

import sys


def is_here() -> bool:
    """Whether this process serves a notebook; finding out loads nothing."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None
