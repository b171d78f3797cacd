"""The progress of a rollout in a notebook's cell."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from reconciler.model.text import escape_invisible
from reconciler.notebook.default_progress import choose_rollout_progress
from reconciler.notebook.rollout_protocol import EnvironmentReport, RolloutTask
from reconciler.rollout.messages import Command, OnEvent, TaskEvent, TaskResponse
from reconciler.rollout.view import build_environment_progress, build_environment_row

_VERBS: Mapping[Command, str] = {"plan": "Planning", "drift": "Checking", "apply": "Applying"}


@contextmanager
def show_in_cell(
    command: Command,
    path: Path,
    names: Sequence[str],
    on_event: OnEvent,
    stop: threading.Event,
) -> Iterator[OnEvent]:
    """Yield a function that shows an event in the notebook's cell, and passes it to `on_event`."""
    shown_names = tuple(map(escape_invisible, names))
    task = RolloutTask(_VERBS[command], escape_invisible(str(path)), shown_names, command == "apply")
    with choose_rollout_progress(task, stop) as report:

        def show(event: TaskEvent | TaskResponse) -> None:
            on_event(event)
            report(build_report(event))

        yield show


def build_report(event: TaskEvent | TaskResponse) -> EnvironmentReport:
    """Build what the notebook shows of an event."""
    if isinstance(event, TaskResponse):
        return build_environment_row(event)
    return build_environment_progress(event)
