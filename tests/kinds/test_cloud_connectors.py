"""Cloud connectors: owned by marker groups."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.cloud_connectors import CloudConnector
from tests.support.connectors_strategy import DESTINATION, FUNCTION_ARN
from tests.support.desired_states import (
    converge,
    get_rejection_reasons,
    make_resource,
    make_state,
)
from tests.support.kind_driver import list_problems
from tests.support.registry_client import Cloud


def make_connector(table_name: str = "acme", /, **fields: object):
    return make_resource(
        "cloud_connectors", table_name, CloudConnector(**{"lambda_arn": FUNCTION_ARN, **fields})
    )


@pytest.fixture
def cloud():
    return Cloud()


def list_steps(plan):
    """Return the action, the address and the operations of each step, without the workspace's own group."""
    return [
        (step.change.action, str(step.address), [call.operation for call in step.calls])
        for step in plan.steps
        if step.address.kind != "thing_groups"
    ]


def get_connector(cloud):
    (item,) = cloud.managed_integrations.list_cloud_connectors()["Items"]
    return item


def test_a_connector_is_created_with_the_default_name_and_then_marked(cloud):
    plan = converge(make_state(make_connector(description="Lamps")), cloud)
    assert list_steps(plan) == [
        ("create", "cloud_connectors.acme", ["CreateCloudConnector", "CreateThingGroup"])
    ]
    connector = get_connector(cloud)
    marker = f"reconciler:cloud_connectors:{connector['Id']}"
    group = cloud.iot.describe_thing_group(thingGroupName=marker)["thingGroupProperties"]
    assert connector == {
        "Id": connector["Id"],
        "Name": "acme",
        "Description": "Lamps",
        "EndpointConfig": {"lambda": {"arn": FUNCTION_ARN}},
        "EndpointType": "LAMBDA",
        "Type": "UNLISTED",
    }
    assert group["attributePayload"]["attributes"] == {"workspace": "ws", "name": "acme"}


def test_name_and_description_are_changed_in_place(cloud):
    converge(make_state(make_connector(description="Lamps")), cloud)
    before = get_connector(cloud)
    plan = converge(make_state(make_connector(name="Acme EU", description="Pumps")), cloud)
    assert list_steps(plan) == [("update", "cloud_connectors.acme", ["UpdateCloudConnector"])]
    assert get_connector(cloud) == {**before, "Name": "Acme EU", "Description": "Pumps"}


@pytest.mark.parametrize(
    "changes", [{"description": None}, {"lambda_arn": f"{FUNCTION_ARN}-2"}], ids=["description", "function"]
)
def test_another_function_or_a_removed_description_replaces_the_connector(cloud, changes):
    converge(make_state(make_connector(description="Lamps")), cloud)
    plan = converge(make_state(make_connector(**{"description": "Lamps", **changes})), cloud)
    assert list_steps(plan) == [
        (
            "replace",
            "cloud_connectors.acme",
            ["DeleteCloudConnector", "DeleteThingGroup", "CreateCloudConnector", "CreateThingGroup"],
        )
    ]


def test_a_destination_is_deleted_before_its_connector(cloud):
    converge(make_state(make_connector(), make_resource("connector_destinations", "eu", DESTINATION)), cloud)
    plan = converge(make_state(), cloud)
    assert [step[:2] for step in list_steps(plan)] == [
        ("delete", "connector_destinations.eu"),
        ("delete", "cloud_connectors.acme"),
    ]
    assert cloud.managed_integrations.list_cloud_connectors()["Items"] == []


def test_a_connector_whose_marker_is_missing_is_marked_without_an_import(cloud):
    converge(make_state(make_connector()), cloud)
    before = get_connector(cloud)
    cloud.iot.delete_thing_group(thingGroupName=f"reconciler:cloud_connectors:{before['Id']}")
    plan = converge(make_state(make_connector()), cloud)
    assert list_steps(plan) == [("update", "cloud_connectors.acme", ["CreateThingGroup"])]
    assert get_connector(cloud) == before


def test_a_connector_of_another_client_with_the_same_name_needs_an_import(cloud):
    cloud.managed_integrations.create_cloud_connector(
        Name="acme", Description="Theirs", EndpointConfig={"lambda": {"arn": FUNCTION_ARN}}
    )
    assert get_rejection_reasons(make_state(make_connector(description="Ours")), cloud) == [
        (
            "cloud_connectors.acme: already exists and is not managed by this workspace; "
            "import it with --adopt cloud_connectors.acme"
        )
    ]


def test_text_that_is_not_the_arn_of_a_function_is_reported():
    assert list_problems(make_connector(lambda_arn="acme")) == [
        (
            "lambda_arn: 'acme' is not the ARN of a Lambda function; "
            "expected an ARN such as 'arn:aws:lambda:eu-west-1:123456789012:function:NAME'"
        )
    ]


def test_a_renamed_connector_keeps_its_id(cloud):
    converge(make_state(make_connector(name="Acme")), cloud)
    before = get_connector(cloud)
    state = make_state(make_connector("bulbs", name="Acme"))
    from_address, to_address = (make_connector(name).address for name in ("acme", "bulbs"))
    plan = converge(evolve(state, moved={from_address: to_address}), cloud)
    assert list_steps(plan) == [("update", "cloud_connectors.bulbs", ["UpdateThingGroup"])]
    assert get_connector(cloud) == before
