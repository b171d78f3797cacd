"""A step waits until AWS is ready, reports from time to time that it is waiting, and then completes."""

from __future__ import annotations

from itertools import pairwise

from attrs import evolve

from reconciler.kinds.thing_types import ThingType
from reconciler.model.outcome import Waiting
from reconciler.registry import Registry
from tests.support.desired_states import (
    apply,
    converge,
    list_failures,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.registry_client import SETTINGS, Cloud


def test_waiting_five_minutes_for_a_thing_type_is_reported_twice_a_minute():
    now = [0.0]
    cloud = Cloud()
    settings = evolve(SETTINGS, clock=lambda: now[0], thing_type_deletion_seconds=300)
    cloud.registry = Registry(":memory:", settings)
    converge(make_state(make_resource("thing_types", "t", ThingType(description="Pumps"))), cloud)

    def pause(seconds):
        now[0] += seconds

    outcomes = apply(plan_state(make_state(), cloud), cloud, pause=pause)
    waited_seconds = [outcome.seconds for outcome in outcomes if isinstance(outcome, Waiting)]
    assert list_failures([outcome for outcome in outcomes if not isinstance(outcome, Waiting)]) == []
    assert 300 <= now[0] < 310
    # A report is due after 2 seconds, and then every 30 seconds; it comes with the next pause, which takes at most 5 seconds.
    assert 2 <= waited_seconds[0] < 8
    assert all(30 <= later - earlier < 36 for earlier, later in pairwise(waited_seconds))
    assert 8 <= len(waited_seconds) <= 10
    assert cloud.read_content()["thing_types"] == {}


def test_a_waiting_step_frees_its_worker_for_other_steps():
    """Each managed thing gets the setup code of the next one.

    A setup code is unique, so each step waits until the managed thing that had the code before is deleted.
    """
    cloud = Cloud()
    codes = [f"9000{number}" for number in range(8)]
    fleet = [make_managed_thing(f"m{number}", code) for number, code in enumerate(codes)]
    converge(make_state(*fleet), cloud)
    shifted_codes = codes[1:] + codes[:1]
    shifted_fleet = [make_managed_thing(f"m{number}", code) for number, code in enumerate(shifted_codes)]
    outcomes = apply(plan_state(make_state(*shifted_fleet), cloud), cloud, workers=1)
    assert list_failures([outcome for outcome in outcomes if not isinstance(outcome, Waiting)]) == []
    assert any(isinstance(outcome, Waiting) for outcome in outcomes)
    assert plan_state(make_state(*shifted_fleet), cloud).steps == ()
