"""Convergence of account settings: an apply leaves what the file declares, with any earlier settings."""

from __future__ import annotations

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from reconciler.model.errors import PlanRejectedError
from reconciler.model.plan import Plan
from reconciler.model.settings import DesiredState
from tests.support.account_settings_strategy import account_states
from tests.support.desired_states import apply, converge, list_failures, plan_state
from tests.support.examples import examples
from tests.support.exports import export_registry, load_export
from tests.support.registry_client import Cloud


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return Cloud()


def read_all(cloud: Cloud) -> tuple[object, object]:
    """Return the content and the settings, without AWS's records of disabled checks and targets."""
    settings = cloud.read_settings()
    audit = settings["account.audit"]
    for name, items in audit.items():
        if isinstance(items, dict):
            audit[name] = {key: item for key, item in items.items() if item.get("enabled")}
    audit.setdefault("auditNotificationTargetConfigurations", {})
    return cloud.read_content(), settings


def plan_second(after: DesiredState, cloud: Cloud) -> Plan:
    """Return the plan from the first state to the second.

    Reject the example if an audit moves from a check that is disabled to one that is enabled: no single plan can do that.
    """
    try:
        return plan_state(after, cloud)
    except PlanRejectedError as error:
        if "uses both in turn" in str(error):
            reject()
        raise


@examples(10)
@given(before=account_states(), after=account_states())
def test_settings_of_two_states_converge_to_those_of_the_second(cloud, before, after):
    converge(after, cloud.reset(is_new_account=True))
    expected = read_all(cloud)
    converge(before, cloud.reset(is_new_account=True))
    assert list_failures(apply(plan_second(after, cloud), cloud)) == []
    assert read_all(cloud) == expected
    assert plan_state(after, cloud).steps == ()


@examples(10)
@given(before=account_states(), after=account_states(), data=st.data())
def test_a_run_that_dies_while_it_changes_settings_is_completed_by_the_next(cloud, before, after, data):
    converge(after, cloud.reset(is_new_account=True))
    expected = read_all(cloud)
    converge(before, cloud.reset(is_new_account=True))
    plan = plan_second(after, cloud)
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
    assert read_all(cloud) == expected
    assert plan_state(after, cloud).steps == ()


@examples(10)
@given(desired=account_states())
def test_exported_settings_plan_empty(cloud, desired):
    converge(desired, cloud.reset(is_new_account=True))
    assert plan_state(load_export(export_registry(cloud, patterns=["*"])), cloud).steps == ()
