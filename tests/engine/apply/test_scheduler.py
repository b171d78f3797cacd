"""Whose turn it is among the steps that can run."""

from __future__ import annotations

from reconciler.engine.apply.scheduler import ReadyQueue
from reconciler.model.address import Address
from reconciler.model.change import Create
from reconciler.model.outcome import Applied
from reconciler.model.plan import Estimate, Plan, Step, Target
from reconciler.model.resource import Resource


def ready(**waits: str) -> ReadyQueue:
    """Things `t…` and certificates `c…`, each with the steps that it waits for, in the plan's order."""
    steps = [
        Step(Create(Resource(at(name), None)), (), frozenset(map(at, before.split())))
        for name, before in waits.items()
    ]
    return ReadyQueue(
        Plan("ws", Target("embedded", "eu-west-1", "1"), tuple(steps), "0" * 64, Estimate({}, 0.0))
    )


def at(name: str) -> Address:
    return Address({"t": "things", "c": "certificates"}[name[0]], name)


def names(steps) -> str:
    return " ".join(step.address.name for step in steps)


def test_within_a_kind_the_step_with_the_longest_path_is_first():
    assert names(ready(t1="", t2="", t3="", c1="t3", c2="t2", c3="c2").pop(9)) == "t2 t3 t1"


def test_kinds_are_scheduled_round_robin():
    assert names(ready(t1="", t2="", t3="", t4="", c1="", c2="").pop(5)) == "t1 c1 t2 c2 t3"


def test_a_released_step_does_not_wait_for_all_steps_of_another_kind():
    queue = ready(t1="", t2="", t3="", t4="", t5="", c1="t1")
    (first,) = queue.pop(1)
    assert not list(queue.finish(first, Applied(first.change, 0.0)))
    assert names(queue.pop(2)) == "t2 c1"
