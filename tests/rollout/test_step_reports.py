"""The steps of an apply are reported a few times a second, the first and the last one at once."""

from __future__ import annotations

import threading

from attrs import field, frozen

from reconciler.kinds.shared.policy_spec import Policy
from reconciler.model.address import Address
from reconciler.model.change import Create
from reconciler.model.document import Document
from reconciler.model.outcome import Applied, Started
from reconciler.rollout.messages import TaskEvent
from reconciler.rollout.step_reports import StepReporter
from tests.support.desired_states import make_resource


@frozen
class RecordedChannel:
    """A channel that keeps its events."""

    events: list[TaskEvent] = field(factory=list)
    stop: threading.Event = field(factory=threading.Event)

    def send(self, event: TaskEvent) -> None:
        self.events.append(event)


def report_steps(times: list[float], total: int) -> list[dict[str, int]]:
    """Return the reported counts of an apply whose steps finish at these times, in seconds."""
    channel, clock = RecordedChannel(), iter(times)
    reporter = StepReporter(channel, "dev", total, clock=lambda: next(clock))
    reporter.begin()
    change = Create(Address("policies", "p"), make_resource("policies", "p", Policy(Document.parse("{}"))))
    for _ in times:
        reporter.report(Started(change))
        reporter.report(Applied(change, 0.1))
    assert {(event.environment, event.phase, event.total) for event in channel.events} == {
        ("dev", "applying", total)
    }
    return [dict(event.counts) for event in channel.events]


def test_the_first_and_the_last_step_are_reported_at_once():
    assert report_steps([0.0, 0.01, 0.02, 0.03], 4) == [{}, {"applied": 1}, {"applied": 4}]


def test_steps_in_between_are_reported_every_quarter_of_a_second():
    counts = report_steps([0.0, 0.2, 0.26, 0.4, 0.52], 9)
    assert counts == [{}, {"applied": 1}, {"applied": 3}, {"applied": 5}]
