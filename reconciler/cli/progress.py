"""The apply as it happens: a moving picture on a terminal, a line for each outcome in a pipe, and a calm Ctrl-C."""

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

from reconciler.cli.terminal import write
from reconciler.interrupt import STOPPING_MESSAGE
from reconciler.model.outcome import Canceled, Outcome, Started
from reconciler.model.text import visible
from reconciler.render.text.plan import COLORS
from reconciler.render.text.result import OUTCOME_STYLES, render_outcome_line
from reconciler.render.views.plan import format_duration
from reconciler.render.views.progress import ProgressTracker
from reconciler.render.views.result import OUTCOME_GLYPHS, build_outcome_view

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from reconciler.model.plan import Plan

_EACH = 60
"""Plans up to this many steps leave a line for each; of larger ones only what went wrong stays on the screen."""
_RUNNING = 6
"""How many of the running addresses are shown by name."""


class Display(Protocol):
    """Something that watches an apply."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def on_outcome(self, outcome: Outcome) -> None:
        """One outcome, from any thread."""

    def on_stop(self) -> None:
        """The run was asked to stop; called from a signal handler, so it must not wait for a lock."""


def display(plan: Plan, console: Console) -> Display:
    """The one that fits where the console writes to."""
    if console.is_terminal and not console.is_dumb_terminal:
        return Moving(plan, console)
    return Plain(plan, console)


class Plain:
    """One line for each outcome, as it happens."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self._console = console
        self._room = longest(plan)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left open."""

    def on_outcome(self, outcome: Outcome) -> None:
        """Every end is a line; beginnings are not, and what was never begun is counted at the end."""
        if not isinstance(outcome, Started | Canceled):
            write(self._console, [render_outcome_line(build_outcome_view(outcome), self._room)])

    def on_stop(self) -> None:
        """Straight to the stream: a signal may have come in the middle of a print."""
        os.write(2, f"{STOPPING_MESSAGE}\n".encode())


class Moving:
    """A bar, the counts, the running addresses, the time that passed and that is left."""

    def __init__(self, plan: Plan, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._plan, self._console = plan, console
        self._room = longest(plan)
        self._pace = ProgressTracker(plan, clock)
        self._stopping = False
        self._live = Live(get_renderable=self.picture, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        self._pace.start()
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def on_outcome(self, outcome: Outcome) -> None:
        """Counts it, and leaves a line where that is worth one."""
        end = self._pace.record(outcome)
        if end.status == "failed" or (len(self._plan.steps) <= _EACH and end.status == "applied"):
            write(self._console, [render_outcome_line(end, self._room)])

    def on_stop(self) -> None:
        """The next picture says so."""
        self._stopping = True

    def picture(self) -> RenderableType:
        """What is seen now."""
        now = self._pace.build_view()
        grid = Table.grid(padding=(0, 1))
        bar = ProgressBar(
            total=max(now.total, 1), completed=now.ended, width=24, complete_style=COLORS["create"]
        )
        grid.add_row(
            "", bar, Text(f"{now.ended:,} of {now.total:,}"), _counted(now.counts), Text(now.time_text, "dim")
        )
        lines = [_running(*running) for running in now.running[:_RUNNING]]
        if len(now.running) > _RUNNING:
            lines.append(Text(f"   … and {len(now.running) - _RUNNING:,} more at work", "dim"))
        if self._stopping:
            lines.append(Text(f" {STOPPING_MESSAGE}", f"bold {COLORS['warning']}"))
        return Group(grid, *lines)


@contextmanager
def reading(console: Console) -> Iterator[Callable[[str, int, int | None], None]]:
    """What is being read, on a terminal; in a pipe nothing, for nobody waits there."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda _words, _done, _total: None
        return
    with console.status(Text("reading the registry …")) as status:

        def tell(words: str, done: int, total: int | None) -> None:
            many = f" {done:,} of {total:,}" if total else f" {done:,}" if done else ""
            status.update(Text(f"{visible(words)}{many} …"))

        yield tell


def longest(plan: Plan) -> int:
    """How much room addresses need to be aligned."""
    return min(48, max((len(visible(str(step.address))) for step in plan.steps), default=0))


def _counted(counts: Mapping[str, int]) -> Text:
    parts = Text()
    for word, count in counts.items():
        if count or word == "applied":
            parts.append(
                f"{OUTCOME_GLYPHS[word]} {count:,} {'done' if word == 'applied' else word}  ",
                OUTCOME_STYLES[word],
            )
    return parts


def _running(address: str, action: str, passed: float) -> Text:
    glyph = OUTCOME_GLYPHS["started"]
    return Text.assemble(
        (f"   {glyph} {action:<7} ", COLORS[action]), address, (f"  {format_duration(passed)}", "dim")
    )
