"""Progress of a rollout: a live table on a terminal, lines in a pipe."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from reconciler.cli.terminal import write_lines
from reconciler.interrupt import STOPPING_MESSAGE
from reconciler.render.text.colors import COLORS
from reconciler.render.text.rollout import render_environment_line, render_status_count
from reconciler.render.text.wrap import wrap_lines
from reconciler.render.views.labels import format_duration, pluralize, shorten
from reconciler.render.views.rollout import PROBLEM_STATUSES, EnvironmentProgress, RolloutProgressView
from reconciler.rollout.messages import TaskEvent, TaskResponse
from reconciler.rollout.progress import RolloutTracker
from reconciler.rollout.view import build_environment_row

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_MAX_NAME_WIDTH = 32
"""The width, in characters, to which names of environments are aligned."""

_BAR_WIDTH = 20

_OTHER_LINES = 6
"""Lines of a terminal that are left for what is not a running environment."""

_PHASES: Mapping[str, str] = {
    "planning": "planning",
    "waiting": "waiting for another apply",
    "applying": "",
}
"""The words for a phase; an apply shows its steps instead."""

Event: TypeAlias = TaskEvent | TaskResponse


class RolloutDisplay(Protocol):
    """A display of a running rollout, entered before the first environment and left after the last."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def on_event(self, event: Event) -> None:
        """Show the progress or the response of an environment; thread-safe."""

    def on_stop(self) -> None:
        """Show that the rollout is stopping; called in a signal handler, so it must not wait for a lock."""


def open_rollout_display(
    names: Collection[str], console: Console, *, shows_results: bool = True
) -> RolloutDisplay:
    """Return the display that fits the console.

    With `shows_results`, an environment that has finished leaves a line.
    """
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveRolloutDisplay(names, console, shows_results=shows_results)
    return RolloutLines(names, console, shows_results=shows_results)


class RolloutLines:
    """One line for each environment that has finished."""

    def __init__(self, names: Collection[str], console: Console, *, shows_results: bool = True) -> None:
        self._console = console
        self._name_width = _measure_name_width(names)
        self._shows_results = shows_results

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: there is no live display to stop."""

    def on_event(self, event: Event) -> None:
        """Write a line for a response."""
        if isinstance(event, TaskResponse) and self._shows_results:
            line = render_environment_line(build_environment_row(event), self._name_width)
            write_lines(self._console, [line])

    def on_stop(self) -> None:
        """Write the message straight to stderr's file descriptor: the signal may have interrupted a print."""
        os.write(2, f"{STOPPING_MESSAGE}\n".encode())


class LiveRolloutDisplay:
    """A row with a bar for each running environment, and the numbers of the others."""

    def __init__(
        self,
        names: Collection[str],
        console: Console,
        clock: Callable[[], float] = time.monotonic,
        *,
        shows_results: bool = True,
    ) -> None:
        self._console = console
        self._name_width = _measure_name_width(names)
        self._shows_results = shows_results
        self._tracker = RolloutTracker(names, clock)
        self._is_stopping = False
        self._live = Live(get_renderable=self.render, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def on_event(self, event: Event) -> None:
        """Record an event; a finished environment leaves a line if results are shown or if it failed."""
        self._tracker.record(event)
        if isinstance(event, TaskResponse) and (self._shows_results or event.status in PROBLEM_STATUSES):
            line = render_environment_line(build_environment_row(event), self._name_width)
            write_lines(self._console, [line])

    def on_stop(self) -> None:
        """Show the message with the next refresh."""
        self._is_stopping = True

    def render(self) -> RenderableType:
        """Return what the terminal shows now, in lines that fit its width and its height."""
        progress, width = self._tracker.build_view(), self._console.width
        max_rows = max(1, self._console.height - _OTHER_LINES)
        table = Table.grid(padding=(0, 1))
        for environment in progress.running[:max_rows]:
            table.add_row(*_render_row(environment, min(self._name_width, width // 2 - _BAR_WIDTH // 2)))
        lines = [_render_counts(progress)]
        if len(progress.running) > max_rows:
            lines.insert(0, Text(f"   … and {len(progress.running) - max_rows:,} more running", "dim"))
        if self._is_stopping:
            lines.append(Text(f" {STOPPING_MESSAGE}", f"bold {COLORS['warning']}"))
        return Group(*([table] if table.rows else []), *wrap_lines(lines, width))


def _measure_name_width(names: Collection[str]) -> int:
    return min(_MAX_NAME_WIDTH, max(map(len, names), default=0))


def _render_row(environment: EnvironmentProgress, name_width: int) -> tuple[RenderableType, ...]:
    """Render a running environment: its name, a bar, its steps or its phase, and how long it has run."""
    steps = Text(f"{environment.finished:,} of {environment.total:,}" if environment.total else "")
    if environment.failed:
        steps.append(f"  ✖ {environment.failed:,} not applied", COLORS["error"])
    phase = _PHASES.get(environment.phase, environment.phase)
    bar = ProgressBar(
        total=max(environment.total, 1),
        completed=environment.finished,
        width=_BAR_WIDTH,
        complete_style=COLORS["create"],
    )
    name = Text(f" ▸ {shorten(environment.name, name_width).ljust(name_width)}", no_wrap=True)
    duration = Text(format_duration(environment.seconds), "dim", no_wrap=True)
    return name, bar, Text(phase, "dim") if phase else steps, duration


def _render_counts(progress: RolloutProgressView) -> Text:
    """Render the numbers of environments: those that have finished, by status, and those that wait."""
    line = Text(f" {progress.finished:,} of {pluralize(progress.total, 'environment')}")
    for status, count in progress.counts.items():
        line.append("  ")
        line.append_text(render_status_count(status, count))
    if progress.waiting:
        line.append(f"  {progress.waiting:,} not started", "dim")
    line.append(f"  {format_duration(progress.seconds)}", "dim")
    return line
