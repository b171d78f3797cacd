"""The progress of a rollout in the cell that waits: a table with a bar for each environment.

The cell is blocked, and tasks run on other threads or in other processes, so a thread of its own updates the output.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import htpy as h

from reconciler.interrupt import STOPPING_MESSAGE, drain_on_interrupt
from reconciler.notebook import get_thread_class
from reconciler.notebook.cell_progress import UPDATE_SECONDS, ThrottledOutput
from reconciler.notebook.environment_states import (
    LABELS,
    EnvironmentState,
    EnvironmentStates,
    count_states,
)
from reconciler.notebook.rollout_protocol import ReportEnvironment, RolloutTask
from reconciler.render.html.parts import render_status_html
from reconciler.render.views.format_value import truncate
from reconciler.render.views.labels import format_duration, pluralize

_QUICK_SECONDS = 0.5
"""A rollout that only reads and takes no longer shows nothing in the cell."""

_MAX_ROWS = 30
"""The most environments that the table lists: first those with problems, then those that run."""

_ABORTED_READ = "interrupted: nothing was sent"
_ABORTED_APPLY = "aborted: calls in flight may still finish; plan again to see what is left"

_MAX_MESSAGE_LENGTH = 120
"""The number of characters to which a message is truncated; the result has all of it."""


@contextmanager
def show_rollout(task: RolloutTask, stop: threading.Event) -> Iterator[ReportEnvironment]:
    """Show the progress of a rollout.

    After the first interrupt of the kernel, an apply finishes the running steps and starts no more. The second aborts it. A rollout
    that only reads is aborted by the first.
    """
    states = EnvironmentStates(task.names)
    display = _RolloutDisplay(task, states)
    is_done = threading.Event()

    def update_regularly() -> None:
        while not is_done.wait(UPDATE_SECONDS):
            if task.is_apply or states.seconds > _QUICK_SECONDS:
                display.update()

    pump = get_thread_class()(target=update_regularly, name="rollout-progress", daemon=True)
    if task.is_apply:
        display.update()
    pump.start()
    try:
        if task.is_apply:
            with drain_on_interrupt(stop, display.show_stopping):
                yield states.record
        else:
            yield states.record
    except KeyboardInterrupt:
        display.note = _ABORTED_APPLY if task.is_apply else _ABORTED_READ
        raise
    finally:
        is_done.set()
        pump.join()
        display.finish()


class _RolloutDisplay:
    """The output of a cell that shows a rollout."""

    def __init__(self, task: RolloutTask, states: EnvironmentStates) -> None:
        self._task, self._states = task, states
        self._output = ThrottledOutput()
        self._is_shown = False
        self.note = ""

    def show_stopping(self) -> None:
        """Show with the next update that the rollout is stopping; called in a signal handler."""
        self.note = STOPPING_MESSAGE

    def update(self, *, with_rows: bool = True) -> None:
        """Show the present states, of all environments together or also of each."""
        self._is_shown = True
        states = self._states.list_all()
        duration = f"{format_duration(self._states.seconds)} elapsed"
        title = f"{self._task.verb} {self._task.file}"
        self._output.update(
            lambda: render_states_html(title, states, duration, self.note, with_rows=with_rows),
            lambda: f"{title}: {count_states(states).text}, {duration}",
            force=True,
        )

    def finish(self) -> None:
        """Show the numbers or, of a rollout that only reads, how long it took: the result has the same rows."""
        if self._task.is_apply:
            self.update(with_rows=bool(self.note))
        elif self._is_shown and self.note:
            self.update()
        elif self._is_shown:
            self._show_summary()

    def _show_summary(self) -> None:
        environments = pluralize(len(self._states.list_all()), "environment")
        summary = f"read {environments} in {format_duration(self._states.seconds)}"
        label = f"{self._task.verb} {self._task.file}"
        self._output.update(
            lambda: h.div(role="group", aria_label=label)[h.p(".quiet")[summary]], lambda: summary, force=True
        )


def render_states_html(
    title: str, states: Sequence[EnvironmentState], duration: str, note: str = "", *, with_rows: bool = True
) -> h.Renderable:
    """Return the numbers of environments, and a table with a bar for each of them."""
    counts = count_states(states)
    return h.div(role="group", aria_label=title)[
        h.p[
            h.strong[counts.text],
            " ",
            (
                [
                    render_status_html(
                        LABELS[status][0], LABELS[status][2], f"{count:,} {LABELS[status][1]}"
                    ),
                    " ",
                ]
                for status, count in counts.statuses.items()
            ),
            h.span(".quiet")[duration],
        ],
        _render_rows(states) if with_rows else None,
        h.p[note] if note else None,
    ]


def _render_rows(states: Sequence[EnvironmentState]) -> h.Renderable:
    rows = _select_rows(states)
    omitted_count = len(states) - len(rows)
    return h.fragment[
        h.table(".environments")[h.tbody[map(_render_state, rows)]],
        h.p(".quiet")[f"and {pluralize(omitted_count, 'more environment')}"] if omitted_count else None,
    ]


def _select_rows(states: Sequence[EnvironmentState]) -> Sequence[EnvironmentState]:
    """Return the environments that the table lists, in their order."""
    if len(states) <= _MAX_ROWS:
        return states
    urgent_first = sorted(states, key=lambda state: (not state.has_problem, not state.is_running))
    names = {state.name for state in urgent_first[:_MAX_ROWS]}
    return [state for state in states if state.name in names]


def _render_state(state: EnvironmentState) -> h.Renderable:
    glyph, _, css_class = LABELS[state.status]
    percent = 100 * state.part
    bar = h.div(
        ".bar",
        role="progressbar",
        aria_label=f"Finished steps of {state.name}",
        aria_valuenow=f"{percent // 1:.0f}",
        aria_valuemin="0",
        aria_valuemax="100",
    )
    failed = f" · {state.failed:,} not applied" if state.failed and state.is_running else ""
    message = truncate(state.short_message, _MAX_MESSAGE_LENGTH) if state.message else failed
    return h.tr[
        h.th(scope="row")[state.name],
        h.td[bar[h.div(style=f"width: {percent:.1f}%")]],
        h.td[
            render_status_html(glyph, css_class, state.text),
            h.span(".quiet")[" ", message] if message else None,
        ],
    ]
