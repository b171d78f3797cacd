"""Progress of reads and applies: a live display on a terminal, lines in a pipe."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from reconciler.cli.terminal import write_lines
from reconciler.interrupt import STOPPING_MESSAGE
from reconciler.model.outcome import Canceled, Outcome, Started
from reconciler.model.text import escape_invisible
from reconciler.render.text.colors import COLORS, OUTCOME_STYLES
from reconciler.render.text.result import render_outcome_line
from reconciler.render.text.wrap import wrap_lines
from reconciler.render.views.labels import OUTCOME_GLYPHS, format_duration, shorten
from reconciler.render.views.progress import ProgressTracker, ProgressView, format_read_progress
from reconciler.render.views.result import build_outcome_view

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from reconciler.model.plan import Plan

_MAX_STEPS_WITH_LINES = 60
"""Plans with more steps leave lines on the screen only for failures."""
_MAX_RUNNING_LINES = 6
"""How many running steps are shown by address."""
_MAX_ADDRESS_WIDTH = 48
"""The width, in characters, to which addresses are aligned."""
_BAR_WIDTH = 24


class ApplyDisplay(Protocol):
    """A display of a running apply, entered before the first step and left after the last."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def on_outcome(self, outcome: Outcome) -> None:
        """Show one outcome; thread-safe."""

    def on_stop(self) -> None:
        """Show that the run is stopping.

        It is called in a signal handler, so it must not wait for a lock.
        """


def open_display(plan: Plan, console: Console) -> ApplyDisplay:
    """Return the display that fits the console."""
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveDisplay(plan, console)
    return LineDisplay(plan, console)


class LineDisplay:
    """One line for each finished step, and for each time that a step waits for AWS."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self._console = console
        self._address_width = _measure_address_width(plan)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: there is no live display to stop."""

    def on_outcome(self, outcome: Outcome) -> None:
        """Write a line for an outcome, but none for a start or a cancellation.

        The summary after the apply has the number of canceled steps.
        """
        if not isinstance(outcome, Started | Canceled):
            write_lines(
                self._console, [render_outcome_line(build_outcome_view(outcome), self._address_width)]
            )

    def on_stop(self) -> None:
        """Write the message straight to stderr's file descriptor: the signal may have interrupted a print."""
        os.write(2, f"{STOPPING_MESSAGE}\n".encode())


class LiveDisplay:
    """A bar, counts, the running addresses, the time passed and the time left."""

    def __init__(self, plan: Plan, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._plan, self._console = plan, console
        self._address_width = _measure_address_width(plan)
        self._tracker = ProgressTracker(plan, clock)
        self._is_stopping = False
        self._live = Live(get_renderable=self.render, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        self._tracker.start()
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def on_outcome(self, outcome: Outcome) -> None:
        """Count an outcome; a failure leaves a line, and in a small plan so does an applied step."""
        view = self._tracker.record(outcome)
        is_small = len(self._plan.steps) <= _MAX_STEPS_WITH_LINES
        if view.status == "failed" or (is_small and view.status == "applied"):
            write_lines(self._console, [render_outcome_line(view, self._address_width)])

    def on_stop(self) -> None:
        """Show the message with the next refresh."""
        self._is_stopping = True

    def render(self) -> RenderableType:
        """Return what the terminal shows now, in lines that fit its width."""
        progress, width = self._tracker.build_view(), self._console.width
        lines = [
            _render_running_line(address, action, seconds, width)
            for address, action, seconds in progress.running[:_MAX_RUNNING_LINES]
        ]
        if len(progress.running) > _MAX_RUNNING_LINES:
            lines.append(Text(f"   … and {len(progress.running) - _MAX_RUNNING_LINES:,} more running", "dim"))
        if self._is_stopping:
            lines += wrap_lines([Text(f" {STOPPING_MESSAGE}", f"bold {COLORS['warning']}")], width)
        return Group(*_render_summary_lines(progress, width), *lines)


@contextmanager
def show_reading(console: Console) -> Iterator[Callable[[str, int, int | None], None]]:
    """Show on a terminal what is being read; write nothing to a pipe.

    The yielded function takes what is read, the number read so far, and the total, or None if that is unknown.
    """
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda _subject, _done, _total: None
        return
    with console.status(Text("reading the registry …")) as status:

        def update(subject: str, done: int, total: int | None) -> None:
            status.update(Text(format_read_progress(subject, done, total)))

        yield update


def _measure_address_width(plan: Plan) -> int:
    longest = max((len(escape_invisible(str(change.address))) for change in plan.changes), default=0)
    return min(_MAX_ADDRESS_WIDTH, longest)


def _render_summary_lines(progress: ProgressView, width: int) -> Iterator[RenderableType]:
    """Yield the bar, the counts and the times, in one line if they fit or else in two."""
    counts = Text.assemble(f"{progress.executed:,} of {progress.total:,} ", _render_counts(progress.counts))
    time_text = Text(progress.time_text, "dim")
    # 3: the padding around the bar; 1: the space before the times.
    fits_one_line = _BAR_WIDTH + 3 + counts.cell_len + 1 + time_text.cell_len <= width
    bar = ProgressBar(
        total=max(progress.total, 1),
        completed=progress.executed,
        width=_BAR_WIDTH,
        complete_style=COLORS["create"],
    )
    grid = Table.grid(padding=(0, 1))
    grid.add_row("", bar, Text.assemble(counts, " ", time_text) if fits_one_line else counts)
    yield grid
    if not fits_one_line:
        yield from wrap_lines([Text.assemble(" ", time_text)], width)


def _render_counts(counts: Mapping[str, int]) -> Text:
    parts = Text()
    for status, count in counts.items():
        if count or status == "applied":
            word = "done" if status == "applied" else status
            parts.append(f"{OUTCOME_GLYPHS[status]} {count:,} {word}  ", OUTCOME_STYLES[status])
    return parts


def _render_running_line(address: str, action: str, seconds: float, width: int) -> Text:
    """Return the line of a running step; an address that does not fit is shortened in the middle."""
    head = Text(f"   {OUTCOME_GLYPHS['started']} {action:<7} ", COLORS[action])
    tail = Text(f"  {format_duration(seconds)}", "dim")
    return Text.assemble(head, shorten(address, width - head.cell_len - tail.cell_len), tail)
