"""Progress in the cell that waits: while the registry is read, and while a plan is applied.

The cell blocks, so the thread that works is also the one that writes; between two outcomes nothing moves.
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
from reconciler.model.text import visible
from reconciler.render.html.page import load_stylesheet
from reconciler.render.html.parts import render_status_html
from reconciler.render.views.plan import format_duration
from reconciler.render.views.progress import ProgressTracker, ProgressView
from reconciler.render.views.result import OUTCOME_GLYPHS

EVERY = 0.2
"""Seconds between two writes: five a second are fluent, and a thousand messages a second would be dropped."""
_SOON = 0.5
"""A reading that is over sooner leaves nothing in the cell."""


class Live:
    """One output that is written again and again, not too often; `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._handle = DisplayHandle()
        self._clock, self._last, self._shown = clock, float("-inf"), False

    def write(self, draw: Callable[[], h.Renderable], words: Callable[[], str], *, now: bool = False) -> None:
        """Show it, unless something was shown just before and this may wait."""
        if not now and self._clock() - self._last < EVERY:
            return
        self._last = self._clock()
        page = str(h.div(".reconciler")[h.style[load_stylesheet()], draw()])
        show = self._handle.update if self._shown else self._handle.display
        show({"text/plain": words(), "text/html": page}, raw=True)
        self._shown = True


@contextmanager
def reading() -> Iterator[Callable[[str, int, int | None], None]]:
    """What is being read, if it takes long enough to be read."""
    begun, live, last = time.monotonic(), Live(), ""

    def words() -> str:
        return f"{last} …"

    def tell(said: str, done: int, total: int | None) -> None:
        nonlocal last
        many = f" {done:,} of {total:,}" if total else f" {done:,}" if done else ""
        last = f"{visible(said)}{many}"
        if time.monotonic() - begun > _SOON:
            live.write(lambda: h.p(".quiet", role="status")[words()], words)

    yield tell
    passed = time.monotonic() - begun
    if passed > _SOON and last:
        told = f"read the registry in {format_duration(passed)}"
        live.write(lambda: h.p(".quiet")[told], lambda: told, now=True)


@contextmanager
def applying(plan: Plan, stop: threading.Event) -> Iterator[Callable[[Outcome], None]]:
    """How far it is. Interrupting the kernel finishes what is in flight; once more interrupts at once."""
    pace, live, stopping = ProgressTracker(plan), Live(), False

    def draw() -> h.Renderable:
        return progress(pace.build_view(), STOPPING_MESSAGE if stopping else "")

    def words() -> str:
        view = pace.build_view()
        return f"{view.ended:,} of {view.total:,} steps, {view.time_text}"

    def hear(outcome: Outcome) -> None:
        pace.record(outcome)
        live.write(draw, words)

    def tell() -> None:
        nonlocal stopping
        stopping = True

    live.write(draw, words, now=True)
    with drain_on_interrupt(stop, tell):
        yield hear
    live.write(draw, words, now=True)


def progress(view: ProgressView, remark: str = "") -> h.Renderable:
    """A bar and what it means in words."""
    share = 100 * view.ended / view.total if view.total else 100
    bar = h.div(
        ".bar",
        role="progressbar",
        aria_label="Steps that ended",
        aria_valuenow=f"{share:.0f}",
        aria_valuemin="0",
        aria_valuemax="100",
    )
    return h.section(aria_label=f"Applying {view.workspace}")[
        bar[h.div(style=f"width: {share:.1f}%")],
        h.p[
            h.strong[f"{view.ended:,} of {view.total:,}"],
            " ",
            (
                [render_status_html(OUTCOME_GLYPHS[word], word, f"{count:,} {word}"), " "]
                for word, count in view.counts.items()
                if count
            ),
            h.span(".quiet")[view.time_text],
        ],
        h.p[remark] if remark else None,
    ]
