"""Report how many steps of a running apply have finished, a few times a second.

An event for every step would cost as much processor time as the step's calls where events cross processes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from reconciler.model.outcome import Outcome, Started, Waiting
from reconciler.rollout.channel import Channel
from reconciler.rollout.messages import TaskEvent

_SECONDS_BETWEEN_EVENTS = 0.25


class StepReporter:
    """Counts the finished steps of one environment by status, and sends the counts to the driver.

    The first and the last step are reported at once. `clock` returns seconds.
    """

    def __init__(
        self, channel: Channel, environment: str, total: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._channel = channel
        self._environment = environment
        self._total = total
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._next_event_at = 0.0

    @property
    def counts(self) -> dict[str, int]:
        """The number of finished steps by status."""
        return dict(self._counts)

    def begin(self) -> None:
        """Report that no step has finished yet."""
        self._send()

    def report(self, outcome: Outcome) -> None:
        """Count an outcome, and send the counts if the last event is old enough."""
        if isinstance(outcome, Started | Waiting):
            return
        self._counts[outcome.status] += 1
        now = self._clock()
        if now >= self._next_event_at or self._counts.total() == self._total:
            self._next_event_at = now + _SECONDS_BETWEEN_EVENTS
            self._send()

    def _send(self) -> None:
        self._channel.send(TaskEvent(self._environment, "applying", self.counts, self._total))
