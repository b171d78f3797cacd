"""Where AWS takes its time a step waits, says so now and then, and ends as soon as AWS has caught up."""

from __future__ import annotations

from itertools import pairwise

from attrs import evolve

from reconciler.kinds.thing_types import ThingType
from reconciler.model.outcome import Waiting
from reconciler.registry import Registry
from tests.cloud import SETTINGS, Cloud
from tests.fleets import converge, failures, plan_of, resource, run, state


def test_a_thing_types_five_minutes_are_waited_for_and_told_of_twice_a_minute():
    now = [0.0]
    cloud = Cloud()
    settings = evolve(SETTINGS, clock=lambda: now[0], thing_type_deletion_seconds=300)
    cloud.registry = Registry(":memory:", settings)
    converge(state(resource("thing_types", "t", ThingType("Pumps"))), cloud)

    def pause(seconds):
        now[0] += seconds

    outcomes = run(plan_of(state(), cloud), cloud, pause=pause)
    told = [outcome.seconds for outcome in outcomes if isinstance(outcome, Waiting)]
    assert failures([outcome for outcome in outcomes if not isinstance(outcome, Waiting)]) == []
    assert 300 <= now[0] < 310
    assert 2 <= told[0] < 8
    assert all(30 <= later - earlier < 36 for earlier, later in pairwise(told))
    assert 8 <= len(told) <= 10
    assert cloud.content()["thing_types"] == {}
