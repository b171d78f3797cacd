"""Progress in the cell that waits, while the registry is read and while a plan is applied.

The cell is blocked, so the thread that does the work also updates the output, and only when there is something new to show.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import htpy as h
from IPython.display import DisplayHandle

from reconciler.interrupt import STOPPING_MESSAGE, drain_on_interrupt
from reconciler.model.outcome import Outcome
from reconciler.model.plan import Plan
from reconciler.notebook.workspace_protocol import ReadProgress
from reconciler.render.html.page import load_stylesheet
from reconciler.render.html.parts import render_status_html
from reconciler.render.views.labels import OUTCOME_GLYPHS, format_duration
from reconciler.render.views.progress import ProgressTracker, ProgressView, format_read_progress

UPDATE_SECONDS = 0.2
"""The minimum time between two updates of the page: five per second look smooth; Jupyter would drop a thousand."""
_QUICK_READ_SECONDS = 0.5
"""Reads that take no longer show nothing in the cell."""


class ThrottledOutput:
    """A cell output that is updated at most every UPDATE_SECONDS, unless forced; `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._handle = DisplayHandle()
        self._clock = clock
        self._last_update = float("-inf")
        self._is_displayed = False

    def update(
        self,
        render_html: Callable[[], h.Renderable],
        render_text: Callable[[], str],
        *,
        force: bool = False,
    ) -> None:
        """Show new content, but without `force` not within UPDATE_SECONDS of the last update."""
        if not force and self._clock() - self._last_update < UPDATE_SECONDS:
            return
        self._last_update = self._clock()
        html = str(h.div(".reconciler")[h.style[load_stylesheet()], render_html()])
        display = self._handle.update if self._is_displayed else self._handle.display
        display({"text/plain": render_text(), "text/html": html}, raw=True)
        self._is_displayed = True


@contextmanager
def show_reading() -> Iterator[ReadProgress]:
    """Show what is being read, and at the end how long it took; show nothing if the read is quick."""
    started_at = time.monotonic()
    output = ThrottledOutput()
    text = ""

    def on_progress(subject: str, done: int, total: int | None) -> None:
        nonlocal text
        text = format_read_progress(subject, done, total)
        if time.monotonic() - started_at > _QUICK_READ_SECONDS:
            output.update(lambda: h.p(".quiet", role="status")[text], lambda: text)

    yield on_progress
    seconds = time.monotonic() - started_at
    if seconds > _QUICK_READ_SECONDS and text:
        summary = f"read the registry in {format_duration(seconds)}"
        output.update(lambda: h.p(".quiet")[summary], lambda: summary, force=True)


@contextmanager
def show_applying(plan: Plan, stop: threading.Event) -> Iterator[Callable[[Outcome], None]]:
    """Show the progress of an apply.

    After the first interrupt of the kernel, the apply finishes the running steps and starts no more. The second aborts it.
    """
    tracker = ProgressTracker(plan)
    output = ThrottledOutput()
    is_stopping = False

    def render_html() -> h.Renderable:
        return render_progress_html(tracker.build_view(), STOPPING_MESSAGE if is_stopping else "")

    def render_text() -> str:
        view = tracker.build_view()
        return f"{view.executed:,} of {view.total:,} steps, {view.time_text}"

    def on_outcome(outcome: Outcome) -> None:
        tracker.record(outcome)
        output.update(render_html, render_text)

    def on_stop() -> None:
        nonlocal is_stopping
        is_stopping = True

    output.update(render_html, render_text, force=True)
    with drain_on_interrupt(stop, on_stop):
        yield on_outcome
    output.update(render_html, render_text, force=True)


def render_progress_html(view: ProgressView, note: str = "") -> h.Renderable:
    """Return a progress bar with counts, times and a note."""
    percent = 100 * view.executed / view.total if view.total else 100
    bar = h.div(
        ".bar",
        role="progressbar",
        aria_label="Finished steps",
        aria_valuenow=f"{percent // 1:.0f}",
        aria_valuemin="0",
        aria_valuemax="100",
    )
    return h.section(aria_label=f"Applying {view.workspace}")[
        bar[h.div(style=f"width: {percent:.1f}%")],
        h.p[
            h.strong[f"{view.executed:,} of {view.total:,}"],
            " ",
            (
                [
                    render_status_html(OUTCOME_GLYPHS[status], status, f"{count:,} {status}"),
                    " ",
                ]
                for status, count in view.counts.items()
                if count
            ),
            h.span(".quiet")[view.time_text],
        ],
        h.p[note] if note else None,
    ]
