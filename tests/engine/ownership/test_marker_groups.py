"""Marker groups: imports, other workspaces, interrupted runs, protection."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.managed_destinations import ManagedDestination
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.resource import Origin
from tests.support.desired_states import (
    ROLE_ARN,
    apply,
    converge,
    get_rejection_reasons,
    list_failures,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.managed_integrations_strategy import STREAM_ARN
from tests.support.registry_client import Cloud

NAME = "alerts at home"
ADDRESS = Address("managed_destinations", NAME)
SPEC = ManagedDestination(STREAM_ARN, ROLE_ARN, description="All")
PARAMS = {
    "Name": NAME,
    "DeliveryDestinationArn": STREAM_ARN,
    "DeliveryDestinationType": "KINESIS",
    "RoleArn": ROLE_ARN,
    "Description": "All",
}


@pytest.fixture(scope="module")
def module_cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(module_cloud: Cloud) -> Cloud:
    return module_cloud.reset()


def make_destination(spec: ManagedDestination = SPEC, **lifecycle: object):
    return make_resource("managed_destinations", NAME, spec, **lifecycle)


def list_destinations(cloud: Cloud) -> list[str]:
    return [item["Name"] for item in cloud.managed_integrations.list_destinations()["DestinationList"]]


def list_markers(cloud: Cloud) -> list[dict[str, str]]:
    """Return the attributes of all marker groups."""
    groups = cloud.iot.list_thing_groups(namePrefixFilter="reconciler:")["thingGroups"]
    descriptions = [cloud.iot.describe_thing_group(thingGroupName=group["groupName"]) for group in groups]
    return [item["thingGroupProperties"]["attributePayload"]["attributes"] for item in descriptions]


def list_actions(plan) -> dict[str, str]:
    return {str(step.address): step.change.action for step in plan.steps if step.address == ADDRESS}


def test_an_unmanaged_destination_is_imported_by_creating_its_marker(cloud):
    cloud.managed_integrations.create_destination(**PARAMS)
    desired = make_state(make_destination())
    assert get_rejection_reasons(desired, cloud) == [
        f"{ADDRESS}: already exists and is not managed by this workspace; import it with --adopt '{ADDRESS}'"
    ]
    converge(desired, cloud, adopt=[ADDRESS])
    assert list_markers(cloud) == [{"workspace": "ws"}]
    assert plan_state(desired, cloud).steps == ()


def test_a_destination_of_another_workspace_is_rejected_with_its_name(cloud):
    converge(make_state(make_destination(), workspace="other"), cloud)
    assert get_rejection_reasons(make_state(make_destination()), cloud) == [
        f"{ADDRESS}: belongs to the workspace 'other', not to 'ws'"
    ]
    assert list_actions(plan_state(make_state(), cloud)) == {}


def test_a_marker_that_another_workspace_left_rejects_the_creation(cloud):
    converge(make_state(make_destination(), workspace="other"), cloud)
    cloud.managed_integrations.delete_destination(Name=NAME)
    assert get_rejection_reasons(make_state(make_destination()), cloud) == [
        f"{ADDRESS}: belongs to the workspace 'other', not to 'ws'"
    ]


@pytest.mark.parametrize("prevent_destroy", [False, True])
def test_a_destination_that_someone_deleted_is_created_with_its_old_marker(cloud, prevent_destroy):
    converge(make_state(make_destination(prevent_destroy=not prevent_destroy)), cloud)
    cloud.managed_integrations.delete_destination(Name=NAME)
    desired = make_state(make_destination(prevent_destroy=prevent_destroy))
    assert list_actions(converge(desired, cloud)) == {str(ADDRESS): "create"}
    protection = {"prevent-destroy": "true"} if prevent_destroy else {}
    assert list_markers(cloud) == [{"workspace": "ws", **protection}]
    assert list_destinations(cloud) == [NAME]


@pytest.mark.parametrize("destroy", [False, True])
def test_a_marker_without_a_resource_is_deleted_if_the_file_does_not_have_it(cloud, destroy):
    converge(make_state(make_destination()), cloud)
    cloud.managed_integrations.delete_destination(Name=NAME)
    desired = make_state(make_destination()) if destroy else make_state()
    converge(desired, cloud, destroy=destroy)
    assert list_markers(cloud) == []


def test_a_forgotten_destination_stays_and_loses_its_marker(cloud):
    converge(make_state(make_destination()), cloud)
    desired = evolve(make_state(), removed={ADDRESS: Origin("desired_state.toml", 9)})
    assert list_actions(converge(desired, cloud)) == {str(ADDRESS): "forget"}
    assert (list_destinations(cloud), list_markers(cloud)) == ([NAME], [])


def test_prevent_destroy_is_recorded_in_the_marker(cloud):
    converge(make_state(make_destination(prevent_destroy=True)), cloud)
    assert list_markers(cloud) == [{"workspace": "ws", "prevent-destroy": "true"}]
    reasons = get_rejection_reasons(make_state(), cloud)
    assert [reason.partition(":")[0] for reason in reasons] == [str(ADDRESS)]
    converge(make_state(make_destination()), cloud)
    converge(make_state(), cloud)
    assert (list_destinations(cloud), list_markers(cloud)) == ([], [])


def test_a_destination_that_was_created_after_the_plan_is_not_overwritten(cloud):
    plan = plan_state(make_state(make_destination(evolve(SPEC, description="Mine"))), cloud)
    cloud.call(ApiCall("iot-managed-integrations", "CreateDestination", PARAMS))
    failures = [failure for failure in list_failures(apply(plan, cloud)) if str(ADDRESS) in failure]
    assert failures == [f"failed {ADDRESS}: {ADDRESS}: was created after the plan was made; run plan again"]
    assert cloud.managed_integrations.get_destination(Name=NAME)["Description"] == "All"
    assert list_markers(cloud) == []
