"""A plan keeps its changes, and builds the same steps from them whenever they are used."""

from __future__ import annotations

import gc

from reconciler.model.call import ApiCall
from reconciler.model.change import FieldChange
from reconciler.model.plan import Step
from tests.support.desired_states import make_ca, make_device, make_state, plan_state


def count_living(*classes: type) -> int:
    gc.collect()
    return sum(isinstance(value, classes) for value in gc.get_objects())


def make_fleet():
    devices = (part for number in range(20) for part in make_device(f"pump-{number}"))
    return make_state(make_ca(), *devices)


def test_a_plan_keeps_none_of_its_steps_in_memory(cloud):
    """A plan of a million devices would otherwise need several gigabytes more."""
    previous_count = count_living(Step, ApiCall, FieldChange)
    plan = plan_state(make_fleet(), cloud)
    assert len(plan.steps) > 40
    assert count_living(Step, ApiCall, FieldChange) == previous_count


def test_the_steps_of_a_plan_are_the_same_each_time(cloud):
    plan = plan_state(make_fleet(), cloud)
    steps = [*plan.steps]
    assert plan.steps == steps
    assert [step.change for step in steps] == plan.changes
    assert [step.address for step in steps] == [change.address for change in plan.changes]
    assert (plan.steps[0], plan.steps[-1]) == (steps[0], steps[-1])
