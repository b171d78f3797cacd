"""Where the tasks of a rollout run, and what happens with their events."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Executor

from attrs import evolve

from reconciler.frozen_classes import field, frozen
from reconciler.rollout.last_rollout import LastRolloutFile
from reconciler.rollout.messages import OnEvent, TaskEvent, TaskResponse


@frozen
class Execution:
    """Where the tasks run, and how their progress is reported.

    `is_shown` is whether a notebook's cell shows the progress: if the caller has no callback of their own.
    """

    executor: Executor | None = None
    on_event: OnEvent | None = None
    stop: threading.Event | None = None
    is_shown: bool = field()

    @is_shown.default
    def _is_shown_by_default(self) -> bool:
        return self.on_event is None


def record_statuses(execution: Execution, recorder: LastRolloutFile) -> tuple[Execution, Sequence[str]]:
    """Return an execution that also records statuses, and the problems of doing so.

    A rollout that runs must not fail because its record cannot be written.
    """
    problems: list[str] = []
    report = execution.on_event

    def record(event: TaskEvent | TaskResponse) -> None:
        if isinstance(event, TaskResponse):
            try:
                recorder.record(event.environment, event.status)
            except OSError as error:
                problems.append(f"{error.filename}: {error.strerror}")
        if report:
            report(event)

    return evolve(execution, on_event=record), problems
