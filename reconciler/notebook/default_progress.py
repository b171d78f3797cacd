"""The progress shown to a caller without a callback: in a notebook in the cell, elsewhere none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from reconciler.model.distribution import require_extra
from reconciler.notebook import is_in_notebook
from reconciler.notebook.workspace_protocol import ReadProgress

if TYPE_CHECKING:
    from reconciler.model.outcome import Outcome
    from reconciler.model.plan import Plan
    from reconciler.notebook.rollout_protocol import ReportEnvironment, RolloutTask


def choose_read_progress(progress: ReadProgress | None) -> AbstractContextManager[ReadProgress]:
    """Return a context manager that yields the caller's callback, or the default one if that is None."""
    if progress is None and is_in_notebook():
        with require_extra("progress in a notebook"):
            from reconciler.notebook import cell_progress
        return cell_progress.show_reading()
    return nullcontext(progress or ignore_progress)


def choose_apply_progress(
    plan: Plan, on_outcome: Callable[[Outcome], None] | None, stop: threading.Event
) -> AbstractContextManager[Callable[[Outcome], None]]:
    """Return a context manager that yields the caller's callback, or the default one if that is None."""
    if on_outcome is None and is_in_notebook():
        with require_extra("progress in a notebook"):
            from reconciler.notebook import cell_progress
        return cell_progress.show_applying(plan, stop)
    return nullcontext(on_outcome or (lambda _outcome: None))


def choose_rollout_progress(
    task: RolloutTask, stop: threading.Event
) -> AbstractContextManager[ReportEnvironment]:
    """Return a context manager that yields the function to call with news of an environment of a rollout."""
    if is_in_notebook():
        with require_extra("progress in a notebook"):
            from reconciler.notebook import rollout_progress
        return rollout_progress.show_rollout(task, stop)
    return nullcontext(lambda _report: None)


def ignore_progress(_subject: str, _done: int, _total: int | None) -> None:
    """Ignore a report of progress."""
