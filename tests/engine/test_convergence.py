"""Convergence: the result of an apply depends on the file alone, and the next plan is empty."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.engine.plan.compare import compute_effective_state
from reconciler.engine.plan.diff import diff
from reconciler.engine.plan.refresh import refresh
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.shared.ownership_markers import add_ownership_markers
from reconciler.model.errors import PlanRejectedError
from reconciler.model.pem import Pem
from reconciler.model.resource import Lifecycle, Resource
from reconciler.model.settings import DesiredState
from tests.support.desired_state_strategy import desired_states
from tests.support.desired_states import (
    AUTHORITIES,
    apply,
    converge,
    list_failures,
    make_ca,
    make_device,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.examples import examples
from tests.support.odd_values import with_ignored_fields
from tests.support.ordering import StrictCloud, order_randomly, transitions
from tests.support.registry_client import Cloud


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return Cloud()


@examples(10)
@given(before=desired_states(), after=desired_states())
def test_applying_two_states_leads_to_the_same_content_as_applying_only_the_second(cloud, before, after):
    converge(after, cloud.reset())
    expected = cloud.read_content()
    cloud.reset()
    converge(before, cloud)
    converge(after, cloud)
    assert cloud.read_content() == expected
    assert plan_state(after, cloud).steps == ()


@examples(10)
@given(before=desired_states(), after=desired_states(), data=st.data())
def test_a_state_that_ignores_any_fields_plans_empty_after_an_apply(cloud, before, after, data):
    converge(before, cloud.reset())
    resources = [data.draw(with_ignored_fields(resource)) for resource in after.resources.values()]
    desired = make_state(*resources)
    try:
        converge(desired, cloud)
    except PlanRejectedError:
        return  # AWS would reject the changes together with the live values that stay
    assert plan_state(desired, cloud).steps == ()


def test_a_new_certificate_has_the_mode_that_its_ca_keeps(cloud):
    ca = make_ca(certificate_mode="SNI_ONLY", verification=None)
    converge(make_state(ca), cloud.reset())
    keeps_mode = replace(make_ca(), lifecycle=Lifecycle(ignore_changes=("certificate_mode",)))
    certificate = Certificate(Pem.parse(AUTHORITIES["alpha"].get_device_pem("a")), ca="alpha")
    desired = make_state(keeps_mode, make_resource("certificates", "a", certificate))
    converge(desired, cloud)
    assert plan_state(desired, cloud).steps == ()


@examples(10)
@given(desired=desired_states())
def test_destroy_leaves_an_empty_registry(cloud, desired):
    empty_content = cloud.reset().read_content()
    converge(desired, cloud)
    outcomes = apply(plan_state(desired, cloud, destroy=True), cloud)
    assert list_failures(outcomes) == []
    assert cloud.read_content() == empty_content


@examples(10)
@given(before=desired_states(), after=desired_states())
def test_every_step_comes_after_its_dependencies(cloud, before, after):
    converge(before, cloud.reset())
    plan = plan_state(after, cloud)
    positions = {step.address: index for index, step in enumerate(plan.steps)}
    assert all(
        positions[dependency] < positions[step.address]
        for step in plan.steps
        for dependency in step.dependencies
    )
    final_addresses: set[object] = set()
    for outcome in apply(plan, cloud):
        if outcome.status == "started":
            step = plan.steps[positions[outcome.change.address]]
            assert step.dependencies <= final_addresses
        else:
            final_addresses.add(outcome.change.address)


@examples(10)
@given(before=desired_states(), after=desired_states())
def test_the_registry_rejects_no_deletion(cloud, before, after):
    converge(before, cloud.reset())
    strict_cloud = StrictCloud(cloud)
    assert list_failures(apply(plan_state(after, cloud), strict_cloud)) == []
    assert strict_cloud.rejections == []


@examples(10)
@given(states=transitions(), seed=st.integers(0, 2**32), deletes_first=st.booleans())
def test_the_registry_rejects_no_deletion_in_any_order_that_the_plan_allows(
    cloud, states, seed, deletes_first
):
    before, after = states
    converge(before, cloud.reset())
    strict_cloud = StrictCloud(cloud)
    try:
        plan = plan_state(after, cloud)
    except PlanRejectedError:
        return  # AWS would reject these changes in some order, so a plan check rejects the plan
    outcomes = apply(order_randomly(plan, Random(seed), deletes_first=deletes_first), strict_cloud)
    assert strict_cloud.rejections == []
    assert list_failures(outcomes) == []


@examples(10)
@given(desired=desired_states())
def test_comparing_a_registry_with_itself_yields_no_changes(cloud, desired):
    converge(desired, cloud.reset())
    live = refresh(desired, cloud.call, lambda *_: None).live
    resources = {address: Resource(address, item.spec) for address, item in live.items()}
    assert list(diff("ws", resources, live)) == []


@examples(10)
@given(desired=desired_states(), data=st.data())
def test_the_order_of_the_tables_changes_nothing(cloud, desired, data):
    shuffled_resources = dict(data.draw(st.permutations(list(desired.resources.items()))))
    cloud.reset()
    shuffled_state = DesiredState(desired.settings, shuffled_resources)
    assert plan_state(desired, cloud) == plan_state(shuffled_state, cloud)


@examples(10)
@given(before=desired_states(), after=desired_states(), data=st.data())
def test_a_run_that_dies_after_any_call_is_completed_by_the_next(cloud, before, after, data):
    converge(after, cloud.reset())
    expected = cloud.read_content()
    converge(before, cloud.reset())
    plan = plan_state(after, cloud)
    calls_left = data.draw(st.integers(0, plan.estimate.total_calls))

    def call_until_process_dies(call):
        nonlocal calls_left
        if calls_left <= 0:
            raise KeyError("the process has died")
        calls_left -= 1
        return cloud.call(call)

    dying_cloud = type("DyingCloud", (), {"call": staticmethod(call_until_process_dies)})()
    apply(plan, dying_cloud, workers=1)
    converge(after, cloud)
    assert cloud.read_content() == expected
    assert plan_state(after, cloud).steps == ()


def test_computing_the_effective_state_twice_changes_nothing():
    desired = add_ownership_markers("ws", make_state(make_ca(), *make_device("a")).resources)
    effective = compute_effective_state("ws", desired)
    resources = {address: replace(desired[address], spec=item.spec) for address, item in effective.items()}
    assert compute_effective_state("ws", resources) == effective
