"""The order in which steps leave the ready queue once their dependencies are applied."""

from __future__ import annotations

from reconciler.engine.apply.scheduler import ReadyQueue
from reconciler.model.address import Address
from reconciler.model.change import Create
from reconciler.model.outcome import Applied
from reconciler.model.plan import Estimate, LazySteps, Plan, Step, Target
from reconciler.model.resource import Resource


def make_queue(**dependencies: str) -> ReadyQueue:
    """Return the queue of a plan with a step per argument: `t…` is a thing, `c…` is a certificate.

    The argument's value has the names of the steps that the step depends on, separated by spaces.
    """
    steps = [
        Step(Create(Resource(build_address(name), None)), (), frozenset(map(build_address, names.split())))
        for name, names in dependencies.items()
    ]
    return ReadyQueue(
        Plan(
            "ws",
            Target("embedded", "eu-west-1", "1"),
            tuple(steps),
            digest="0" * 64,
            estimate=Estimate({}, seconds=0.0),
        )
    )


def build_address(name: str) -> Address:
    return Address({"t": "things", "c": "certificates"}[name[0]], name)


def join_names(steps) -> str:
    return " ".join(step.address.name for step in steps)


def test_within_a_kind_the_step_with_the_longest_chain_of_dependents_is_first():
    assert join_names(make_queue(t1="", t2="", t3="", c1="t3", c2="t2", c3="c2").pop(9)) == "t2 t3 t1"


def test_kinds_are_scheduled_round_robin():
    assert join_names(make_queue(t1="", t2="", t3="", t4="", c1="", c2="").pop(5)) == "t1 c1 t2 c2 t3"


def test_a_step_that_becomes_ready_does_not_wait_for_all_steps_of_another_kind():
    queue = make_queue(t1="", t2="", t3="", t4="", t5="", c1="t1")
    (first_step,) = queue.pop(1)
    assert not list(queue.finish(first_step, Applied(first_step.change, 0.0)))
    assert join_names(queue.pop(2)) == "t2 c1"


def test_each_step_of_a_plan_is_built_only_once_to_be_applied():
    built_steps = []

    def build_step(change):
        built_steps.append(change.address.name)
        return Step(change, ())

    changes = [Create(Resource(build_address(name), None)) for name in ("t1", "t2", "c1")]
    target = Target("embedded", "eu-west-1", "1")
    queue = ReadyQueue(
        Plan("ws", target, LazySteps(build_step, changes), "0" * 64, Estimate({}, seconds=0.0))
    )
    assert join_names(queue.pop(3)) == "t1 c1 t2"
    assert built_steps == ["t1", "t2", "c1"]
