"""The state of each environment of a rollout, while it runs and afterwards."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from attrs import evolve

from reconciler.frozen_classes import field, frozen
from reconciler.notebook.rollout_protocol import EnvironmentReport
from reconciler.render.views.labels import pluralize
from reconciler.render.views.rollout import (
    PROBLEM_STATUSES,
    STATUS_GLYPHS,
    STATUS_STYLES,
    EnvironmentProgress,
)

NOT_STARTED = "not-started"

_PHASES: Mapping[str, tuple[str, str, str]] = {
    NOT_STARTED: ("·", "not started", "quiet"),
    "planning": ("▸", "planning", "started"),
    "waiting": ("…", "waiting for another apply", "started"),
    "applying": ("▸", "applying", "started"),
}

LABELS: Mapping[str, tuple[str, str, str]] = {
    **_PHASES,
    **{status: (glyph, status, STATUS_STYLES[status]) for status, glyph in STATUS_GLYPHS.items()},
}
"""The glyph, the word and the CSS class of each phase and of each status."""

SUCCESSES = frozenset({"applied", "unchanged"})


@frozen
class EnvironmentState:
    """The phase or the status of an environment, and its finished, failed and total steps.

    `message` is an error, or why it was not started, in one or more lines.
    """

    name: str
    status: str = NOT_STARTED
    finished: int = 0
    failed: int = 0
    total: int = 0
    message: tuple[str, ...] = ()

    @property
    def is_running(self) -> bool:
        """Whether a worker plans or applies it."""
        return self.status in _PHASES and self.status != NOT_STARTED

    @property
    def is_final(self) -> bool:
        """Whether it has finished, or will not be started."""
        return self.status not in _PHASES

    @property
    def has_problem(self) -> bool:
        """Whether it failed, was rejected, stopped or not started, or a step of it failed."""
        return self.status in PROBLEM_STATUSES or bool(self.failed)

    @property
    def part(self) -> float:
        """The part of its steps that has finished, between 0 and 1."""
        if self.total:
            return min(1.0, self.finished / self.total)
        return 1.0 if self.status in SUCCESSES else 0.0

    @property
    def short_message(self) -> str:
        """The reasons without the title above them, in one line."""
        return " ".join(self.message[1:] or self.message)

    @property
    def text(self) -> str:
        """The number of finished steps, or the word of the status."""
        if self.status == "applying":
            return f"{self.finished:,} of {self.total:,}"
        return LABELS[self.status][1]


class EnvironmentStates:
    """The states of all environments; thread-safe. `clock` returns seconds."""

    def __init__(self, names: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._states = {name: EnvironmentState(name) for name in names}
        self._started_at = clock()

    def start(self, names: Collection[str]) -> None:
        """Begin to plan or to apply these environments; the states of the others stay."""
        with self._lock:
            self._states |= {name: EnvironmentState(name) for name in names}
            self._started_at = self._clock()

    def record(self, report: EnvironmentReport) -> None:
        """Record news of an environment."""
        with self._lock:
            state = self._states.get(report.name, EnvironmentState(report.name))
            if not isinstance(report, EnvironmentProgress):
                self._states[report.name] = evolve(state, status=report.status, message=report.message)
            elif not state.is_final:  # progress may arrive after the end
                self._states[report.name] = evolve(
                    state,
                    status=report.phase,
                    finished=report.finished,
                    failed=report.failed,
                    total=report.total,
                )

    def list_all(self) -> Sequence[EnvironmentState]:
        """Return the states in the order of the file."""
        with self._lock:
            return list(self._states.values())

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._started_at


@frozen
class StateCounts:
    """The numbers of environments: all, those that have finished, and those with each final status."""

    total: int
    finished: int
    statuses: Mapping[str, int] = field(factory=dict)

    @property
    def text(self) -> str:
        """The numbers of finished and of all environments."""
        return f"{self.finished:,} of {pluralize(self.total, 'environment')}"


def count_states(states: Sequence[EnvironmentState]) -> StateCounts:
    """Count the environments of a rollout."""
    counts = Counter(state.status for state in states if state.is_final)
    ordered = {status: counts[status] for status in STATUS_GLYPHS if counts[status]}
    return StateCounts(len(states), sum(counts.values()), ordered)
