"""The laws: what an apply leaves behind depends on the file alone, and a second plan is empty."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.engine.plan.compare import compute_effective_state
from reconciler.engine.plan.diff import diff
from reconciler.engine.plan.refresh import refresh
from reconciler.kinds.shared.ownership_markers import add_ownership_markers
from reconciler.model.errors import AwsError
from reconciler.model.resource import Resource
from reconciler.model.settings import DesiredState
from tests.support.desired_states import converge, desired_states, failures, plan_of, run
from tests.support.registry_client import Cloud

_QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return Cloud()


@_QUIET
@given(before=desired_states(), after=desired_states())
def test_applying_a_then_b_leaves_what_b_alone_leaves_and_nothing_to_do(cloud, before, after):
    converge(after, cloud.empty())
    alone = cloud.content()
    cloud.empty()
    converge(before, cloud)
    converge(after, cloud)
    assert cloud.content() == alone
    assert plan_of(after, cloud).steps == ()


@_QUIET
@given(wanted=desired_states())
def test_destroying_leaves_an_empty_registry(cloud, wanted):
    empty = cloud.empty().content()
    converge(wanted, cloud)
    outcomes = run(plan_of(wanted, cloud, destroy=True), cloud)
    assert failures(outcomes) == []
    assert cloud.content() == empty


@_QUIET
@given(before=desired_states(), after=desired_states())
def test_every_step_comes_after_what_it_waits_for(cloud, before, after):
    converge(before, cloud.empty())
    plan = plan_of(after, cloud)
    place = {step.address: index for index, step in enumerate(plan.steps)}
    assert all(place[before] < place[step.address] for step in plan.steps for before in step.dependencies)
    ended: list[object] = []
    for outcome in run(plan, cloud):
        if outcome.status == "started":
            step = plan.steps[place[outcome.change.address]]
            assert step.dependencies <= set(ended)
        else:
            ended.append(outcome.change.address)


@_QUIET
@given(before=desired_states(), after=desired_states())
def test_no_deletion_meets_a_precondition_that_is_not_met(cloud, before, after):
    converge(before, cloud.empty())
    refused: list[str] = []

    def watched(call):
        try:
            return cloud.call(call)
        except AwsError as error:
            if call.operation.startswith("Delete") and error.code not in call.ignored_errors:
                refused.append(f"{call}: {error}")
            raise

    watching = type("Watching", (), {"call": staticmethod(watched)})()
    assert failures(run(plan_of(after, cloud), watching)) == []
    assert refused == []


@_QUIET
@given(wanted=desired_states())
def test_a_registry_compared_with_itself_differs_in_nothing(cloud, wanted):
    converge(wanted, cloud.empty())
    live = refresh("ws", add_ownership_markers("ws", wanted.resources), cloud.call, lambda *_: None).live
    itself = {address: Resource(address, found.spec) for address, found in live.items()}
    assert list(diff("ws", itself, live)) == []


@_QUIET
@given(wanted=desired_states(), data=st.data())
def test_the_order_of_the_tables_changes_nothing(cloud, wanted, data):
    shuffled = dict(data.draw(st.permutations(list(wanted.resources.items()))))
    cloud.empty()
    other = DesiredState(wanted.settings, shuffled)
    assert plan_of(wanted, cloud) == plan_of(other, cloud)


@_QUIET
@given(before=desired_states(), after=desired_states(), data=st.data())
def test_a_run_that_dies_after_any_call_is_completed_by_the_next(cloud, before, after, data):
    converge(after, cloud.empty())
    alone = cloud.content()
    converge(before, cloud.empty())
    plan = plan_of(after, cloud)
    left = data.draw(st.integers(0, plan.estimate.total_calls))

    def dying(call):
        nonlocal left
        if left <= 0:
            raise KeyError("the process is gone")
        left -= 1
        return cloud.call(call)

    dead = type("Dead", (), {"call": staticmethod(dying)})()
    run(plan, dead, workers=1)
    converge(after, cloud)
    assert cloud.content() == alone
    assert plan_of(after, cloud).steps == ()


def test_effective_specs_are_their_own_effective_specs():
    from tests.support.desired_states import ca, device, state

    wanted = add_ownership_markers("ws", state(ca(), *device("a")).resources)
    once = compute_effective_state("ws", wanted)
    assert (
        compute_effective_state(
            "ws", {address: evolve(wanted[address], spec=found.spec) for address, found in once.items()}
        )
        == once
    )
