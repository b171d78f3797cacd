"""Notification destinations and configurations: found by name, with markers in place of tags."""

from __future__ import annotations

from attrs import evolve

from reconciler.kinds.managed_destinations import ManagedDestination
from reconciler.kinds.notification_configurations import NotificationConfiguration
from reconciler.model.change import Replace
from reconciler.model.resource import External, Live
from tests.support.desired_states import make_resource
from tests.support.kind_driver import (
    NOT_FOUND,
    list_calls,
    list_create_calls,
    list_delete_calls,
    list_plan_errors,
    make_change,
    make_iot_call,
    make_managed_integrations_call,
    make_plan_context,
    read_kind,
)

STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/alerts"
ROLE = "arn:aws:iam::123456789012:role/alerts"
MEMBERS = {"DeliveryDestinationArn": STREAM, "RoleArn": ROLE, "DeliveryDestinationType": "KINESIS"}
SPEC = ManagedDestination(STREAM, ROLE)
MARKER = "reconciler:managed_destinations:a"
OWNER_TAGS = {"reconciler:workspace": "ws"}
OWNER = {"attributePayload": {"attributes": {"workspace": "ws"}}}
CLAIM = make_iot_call(
    "CreateThingGroup",
    thingGroupName=MARKER,
    thingGroupProperties={
        "thingGroupDescription": "Records which reconciler workspace owns managed_destinations.a.",
        **OWNER,
    },
)
DELETE = make_managed_integrations_call("DeleteDestination", ignored_errors=NOT_FOUND, Name="a")


def make_destination(spec: ManagedDestination = SPEC, **lifecycle: object):
    return make_resource("managed_destinations", "a", spec, **lifecycle)


def make_live(spec: ManagedDestination = SPEC) -> Live:
    return Live("a", spec, 1, "ws", tags=OWNER_TAGS)


def test_a_creation_records_the_owner_before_it_creates_the_destination():
    spec = evolve(SPEC, description="All", tags={"line": "A"})
    assert list_create_calls(make_destination(spec)) == [
        CLAIM,
        make_managed_integrations_call(
            "CreateDestination", Name="a", **MEMBERS, Description="All", Tags={"line": "A"}
        ),
    ]


def test_an_update_sends_all_members_except_tags():
    change = make_change(make_destination(), make_live(evolve(SPEC, role_arn=f"{ROLE}-2")))
    assert list_calls(change) == [make_managed_integrations_call("UpdateDestination", Name="a", **MEMBERS)]


def test_an_import_creates_only_the_marker():
    unmanaged = Live("a", SPEC)
    assert list_calls(make_change(make_destination(), unmanaged)) == [CLAIM]


def test_other_tags_are_a_replacement_that_keeps_the_marker():
    change = make_change(make_destination(evolve(SPEC, tags={"line": "A"})), make_live())
    creation = make_managed_integrations_call("CreateDestination", Name="a", **MEMBERS, Tags={"line": "A"})
    assert list_calls(change) == [DELETE, creation]


def test_a_removed_description_is_a_replacement():
    change = make_change(make_destination(), make_live(evolve(SPEC, description="All")))
    assert isinstance(change, Replace)


def test_a_destination_that_stays_in_use_is_not_replaced():
    change = make_change(make_destination(evolve(SPEC, tags={"line": "A"})), make_live())
    user = Live("DEVICE_EVENT", NotificationConfiguration("a"))
    context = make_plan_context(
        make_destination(), live={"notification_configurations.DEVICE_EVENT": user}, changes=[change]
    )
    assert list_plan_errors(change, context) == [
        (
            "cannot replace: still used after this plan by notification_configurations.DEVICE_EVENT; "
            "remove that reference first, or declare the new one under another name and refer to that"
        )
    ]


def test_a_deletion_deletes_the_marker_last():
    marker_deletion = make_iot_call("DeleteThingGroup", ignored_errors=NOT_FOUND, thingGroupName=MARKER)
    assert list_delete_calls("managed_destinations", make_live()) == [DELETE, marker_deletion]


def test_a_destination_is_read_with_its_tags_and_the_owner_of_its_marker():
    group = {"thingGroupName": MARKER, "version": 1, "thingGroupProperties": OWNER}
    responses = {
        "ListDestinations": {"DestinationList": [{"Name": "a"}, {"Name": "b"}]},
        "ListThingGroups": {"thingGroups": [{"groupName": MARKER}]},
        "DescribeThingGroup": group,
        "GetDestination": {"Name": "a", **MEMBERS, "Tags": {"line": "A", "aws:x": "y"}},
    }
    live_resources, operations = read_kind("managed_destinations", responses)
    assert live_resources == [make_live(evolve(SPEC, tags={"line": "A"}))]
    assert operations == ["ListDestinations", "ListThingGroups", "DescribeThingGroup", "GetDestination"]


def test_the_destination_of_a_notification_configuration_is_a_reference():
    responses = {
        "ListNotificationConfigurations": {"NotificationConfigurationList": [{"EventType": "DEVICE_EVENT"}]},
        "ListThingGroups": {"thingGroups": []},
        "GetNotificationConfiguration": {"EventType": "DEVICE_EVENT", "DestinationName": "a"},
    }
    desired = make_resource(
        "notification_configurations", "DEVICE_EVENT", NotificationConfiguration("a", {"line": "A"})
    )
    live_resources, _ = read_kind("notification_configurations", responses, desired)
    assert live_resources == [Live("DEVICE_EVENT", NotificationConfiguration(External("a")))]


def test_a_notification_configuration_moves_to_another_destination_in_place():
    desired = make_resource("notification_configurations", "DEVICE_EVENT", NotificationConfiguration("b"))
    live = Live("DEVICE_EVENT", NotificationConfiguration("a"), 1, "ws", tags=OWNER_TAGS)
    assert list_calls(make_change(desired, live)) == [
        make_managed_integrations_call(
            "UpdateNotificationConfiguration", EventType="DEVICE_EVENT", DestinationName="b"
        )
    ]
