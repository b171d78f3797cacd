"""Event log configurations: AWS assigns their IDs, and their markers are named after these."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.base.marker_groups import MarkerName
from reconciler.kinds.credential_lockers import CredentialLocker
from reconciler.kinds.event_log_configurations import EventLogConfiguration
from reconciler.model.address import Address
from reconciler.model.call import Ref
from reconciler.model.resource import External, Live
from tests.support.desired_states import (
    converge,
    get_rejection_reasons,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.kind_driver import (
    NOT_FOUND,
    list_calls,
    list_create_calls,
    list_problems,
    make_change,
    make_iot_call,
    make_managed_integrations_call,
    read_kind,
)
from tests.support.registry_client import Cloud

ADDRESS = Address("event_log_configurations", "the hall")
ALL = EventLogConfiguration("*", "WARN")
HALL = EventLogConfiguration("credential-locker", "WARN", credential_locker="hall")
MARKER = "reconciler:event_log_configurations:e1"
TAGS = {"reconciler:workspace": "ws", "reconciler:name": "the hall"}
ENCODED_NAME = "=dGhlIGhhbGw="
OWNER = {"attributePayload": {"attributes": {"workspace": "ws", "name": ENCODED_NAME}}}
DESCRIPTION = {"Id": "e1", "ResourceType": "*", "EventLogLevel": "WARN"}


@pytest.fixture(scope="module")
def module_cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(module_cloud: Cloud) -> Cloud:
    return module_cloud.reset()


def make_configuration(spec: EventLogConfiguration = ALL):
    return make_resource(ADDRESS.kind, ADDRESS.name, spec)


def make_live(spec: EventLogConfiguration = ALL) -> Live:
    return Live("e1", spec, 1, "ws", tags=TAGS, declared_name="the hall")


def make_claim(marker: str | MarkerName):
    description = f"Records which reconciler workspace owns {ADDRESS}."
    return make_iot_call(
        "CreateThingGroup",
        thingGroupName=marker,
        thingGroupProperties={"thingGroupDescription": description, **OWNER},
    )


def list_configurations(cloud: Cloud) -> list[dict[str, str]]:
    return cloud.managed_integrations.list_event_log_configurations()["EventLogConfigurationList"]


def test_a_creation_records_the_owner_under_the_id_that_aws_assigns():
    creation, claim = list_create_calls(make_configuration())
    params = {key: value for key, value in creation.params.items() if key != "ClientToken"}
    assert (creation.operation, params) == (
        "CreateEventLogConfiguration",
        {"ResourceType": "*", "EventLogLevel": "WARN"},
    )
    marker = MarkerName(ADDRESS.kind, Ref(ADDRESS, "Id"))
    assert claim == make_claim(marker)
    assert marker.resolve({ADDRESS: {"Id": "e1"}}) == MARKER


def test_a_new_level_is_an_update_and_another_resource_is_a_replacement():
    level = make_change(make_configuration(evolve(ALL, event_log_level="INFO")), make_live())
    assert list_calls(level) == [
        make_managed_integrations_call("UpdateEventLogConfiguration", Id="e1", EventLogLevel="INFO")
    ]
    operations = [call.operation for call in list_calls(make_change(make_configuration(HALL), make_live()))]
    assert operations == [
        "DeleteEventLogConfiguration",
        "DeleteThingGroup",
        "CreateEventLogConfiguration",
        "CreateThingGroup",
    ]


def test_a_move_records_the_new_name_in_the_marker(cloud):
    converge(make_state(make_configuration()), cloud)
    renamed = make_resource(ADDRESS.kind, "everything", ALL)
    desired = evolve(make_state(renamed), moved={ADDRESS: renamed.address})
    plan = converge(desired, cloud)
    assert [(str(step.address), [call.operation for call in step.calls]) for step in plan.steps] == [
        ("event_log_configurations.everything", ["UpdateThingGroup"])
    ]
    assert plan_state(make_state(renamed), cloud).steps == ()


@pytest.mark.parametrize(
    ("members", "spec"),
    [
        ({}, ALL),
        ({"ResourceId": "*"}, ALL),
        (
            {"ResourceType": "managed-thing", "ResourceId": "m1"},
            evolve(ALL, resource_type="managed-thing", managed_thing=External("m1")),
        ),
        (
            {"ResourceType": "ota-task", "ResourceId": "t1"},
            evolve(ALL, resource_type="ota-task", resource_id="t1"),
        ),
    ],
)
def test_a_resource_id_is_read_as_a_reference_if_its_type_has_a_table(members, spec):
    responses = {
        "ListEventLogConfigurations": {"EventLogConfigurationList": [DESCRIPTION]},
        "ListThingGroups": {"thingGroups": [{"groupName": MARKER}]},
        "DescribeThingGroup": {"version": 1, "thingGroupProperties": OWNER},
        "GetEventLogConfiguration": {**DESCRIPTION, **members},
    }
    assert read_kind(ADDRESS.kind, responses)[0] == [make_live(spec)]


def test_a_deletion_deletes_the_marker_last():
    marker_deletion = make_iot_call("DeleteThingGroup", ignored_errors=NOT_FOUND, thingGroupName=MARKER)
    replacement = list_calls(make_change(make_configuration(HALL), make_live()))
    assert replacement[:2] == [
        make_managed_integrations_call("DeleteEventLogConfiguration", ignored_errors=NOT_FOUND, Id="e1"),
        marker_deletion,
    ]


def test_a_reference_to_a_resource_of_another_type_is_a_problem():
    assert list_problems(make_configuration(evolve(HALL, resource_type="ota-task"))) == [
        "credential_locker: the resource type is ota-task; expected resource_id, or no credential_locker"
    ]


def test_a_name_that_no_marker_can_store_is_a_problem():
    configuration = make_resource(ADDRESS.kind, "ö" * 256, ALL)
    assert list_problems(configuration) == []
    configuration = make_resource(ADDRESS.kind, "門" * 256, ALL)
    assert list_problems(configuration) == [
        "the name is too long for the marker of its owner; expected a shorter name"
    ]


def test_a_configuration_without_a_marker_is_found_by_its_resource(cloud):
    """An interrupted creation leaves one that is as the file declares it; any other needs an import."""
    cloud.managed_integrations.create_event_log_configuration(ResourceType="*", EventLogLevel="WARN")
    desired = make_state(make_configuration(evolve(ALL, event_log_level="INFO")))
    assert get_rejection_reasons(desired, cloud) == [
        f"{ADDRESS}: already exists and is not managed by this workspace; import it with --adopt '{ADDRESS}'"
    ]
    converge(make_state(make_configuration()), cloud)
    assert len(list_configurations(cloud)) == 1
    assert plan_state(make_state(make_configuration()), cloud).steps == ()


def test_a_replaced_locker_replaces_the_configuration_that_refers_to_it(cloud):
    def build_state(locker_name: str):
        locker = make_resource("credential_lockers", "hall", CredentialLocker(locker_name))
        return make_state(locker, make_configuration(HALL))

    converge(build_state("Hall"), cloud)
    plan = converge(build_state("Lobby"), cloud)
    assert {str(step.address): step.change.action for step in plan.steps} == {
        "credential_lockers.hall": "replace",
        str(ADDRESS): "replace",
    }
    (locker,) = cloud.managed_integrations.list_credential_lockers()["Items"]
    assert [item["ResourceId"] for item in list_configurations(cloud)] == [locker["Id"]]
    assert plan_state(build_state("Lobby"), cloud).steps == ()


def test_configurations_swap_their_resources_with_and_without_a_deletion(cloud):
    def build_state(**resource_types: str):
        return make_state(
            *(
                make_resource(ADDRESS.kind, name, evolve(ALL, resource_type=resource_type))
                for name, resource_type in resource_types.items()
            )
        )

    for desired in (
        build_state(a="ota-task", b="credential-locker", c="managed-thing"),
        build_state(a="credential-locker", b="ota-task", c="managed-thing"),
        build_state(a="managed-thing", b="ota-task"),
    ):
        converge(desired, cloud)
        assert plan_state(desired, cloud).steps == ()
    assert sorted(item["ResourceType"] for item in list_configurations(cloud)) == [
        "managed-thing",
        "ota-task",
    ]


def test_a_marker_whose_configuration_someone_deleted_is_deleted(cloud):
    converge(make_state(make_configuration()), cloud)
    (configuration,) = list_configurations(cloud)
    cloud.managed_integrations.delete_event_log_configuration(Id=configuration["Id"])
    converge(make_state(make_configuration()), cloud)
    (created,) = list_configurations(cloud)
    groups = cloud.iot.list_thing_groups(namePrefixFilter="reconciler:")["thingGroups"]
    assert [group["groupName"] for group in groups] == [
        f"reconciler:event_log_configurations:{created['Id']}"
    ]
