"""Notification destinations and notification configurations of managed integrations."""

import pytest

from tests.support.direct_client import START_TIME, catch_error, remove_metadata

STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/alerts"
ROLE = "arn:aws:iam::123456789012:role/alerts"
DESTINATION = {
    "Name": "alerts",
    "DeliveryDestinationArn": STREAM,
    "DeliveryDestinationType": "KINESIS",
    "RoleArn": ROLE,
    "Description": "All",
}
CONFIGURATION = {"EventType": "DEVICE_EVENT", "DestinationName": "alerts"}
TAGS = {"line": "A"}
TIMES = {"CreatedAt": START_TIME, "UpdatedAt": START_TIME}
CONFLICT = ("ConflictException", 409)
INVALID = ("ValidationException", 400)
MISSING = ("ResourceNotFoundException", 404)


@pytest.fixture
def notifications(managed):
    """Return a client of an account with one destination and one configuration that uses it."""
    managed.create_destination(**DESTINATION, Tags=TAGS)
    managed.create_notification_configuration(**CONFIGURATION, Tags=TAGS)
    return managed


def test_a_destination_is_returned_as_it_was_created(managed):
    assert remove_metadata(managed.create_destination(**DESTINATION, Tags=TAGS)) == {"Name": "alerts"}
    described = remove_metadata(managed.get_destination(Name="alerts"))
    assert described == {**DESTINATION, "Tags": TAGS, **TIMES}
    assert remove_metadata(managed.list_destinations()) == {"DestinationList": [DESTINATION]}


def test_a_notification_configuration_is_returned_as_it_was_created(notifications):
    described = remove_metadata(notifications.get_notification_configuration(EventType="DEVICE_EVENT"))
    assert described == {**CONFIGURATION, "Tags": TAGS, **TIMES}
    listing = remove_metadata(notifications.list_notification_configurations())
    assert listing == {"NotificationConfigurationList": [CONFIGURATION]}


def test_an_update_of_a_destination_changes_only_the_members_in_its_request(notifications):
    notifications.update_destination(Name="alerts", RoleArn=f"{ROLE}-2")
    expected = {**DESTINATION, "RoleArn": f"{ROLE}-2", "Tags": TAGS, **TIMES}
    assert remove_metadata(notifications.get_destination(Name="alerts")) == expected


def test_an_update_moves_a_notification_configuration_to_another_existing_destination(notifications):
    notifications.create_destination(**{**DESTINATION, "Name": "others"})
    update = notifications.update_notification_configuration
    assert catch_error(update, EventType="DEVICE_EVENT", DestinationName="none") == INVALID
    update(EventType="DEVICE_EVENT", DestinationName="others")
    described = notifications.get_notification_configuration(EventType="DEVICE_EVENT")
    assert described["DestinationName"] == "others"


def test_a_name_and_a_type_of_events_can_be_used_only_once(notifications):
    assert catch_error(notifications.create_destination, **DESTINATION) == CONFLICT
    assert catch_error(notifications.create_notification_configuration, **CONFIGURATION) == CONFLICT


def test_repeating_a_client_token_creates_no_second_destination(managed):
    params = {**DESTINATION, "ClientToken": "t1"}
    assert managed.create_destination(**params)["Name"] == managed.create_destination(**params)["Name"]
    assert catch_error(managed.create_destination, **{**params, "Description": "Some"}) == CONFLICT
    managed.delete_destination(Name="alerts")
    managed.create_destination(**{**params, "Description": "Some"})
    assert managed.get_destination(Name="alerts")["Description"] == "Some"


def test_a_notification_configuration_needs_an_existing_destination(managed):
    assert catch_error(managed.create_notification_configuration, **CONFIGURATION) == INVALID


def test_a_destination_that_is_used_cannot_be_deleted(notifications):
    assert catch_error(notifications.delete_destination, Name="alerts") == INVALID
    assert [item["Name"] for item in notifications.list_destinations()["DestinationList"]] == ["alerts"]
    notifications.delete_notification_configuration(EventType="DEVICE_EVENT")
    notifications.delete_destination(Name="alerts")
    assert notifications.list_destinations()["DestinationList"] == []


@pytest.mark.parametrize("method", ["get", "update", "delete"])
def test_a_missing_destination_or_configuration_is_an_error(managed, method):
    destination = {"Name": "alerts"}
    configuration = CONFIGURATION if method == "update" else {"EventType": "DEVICE_EVENT"}
    managed.create_destination(**{**DESTINATION, "Name": "others"})
    assert catch_error(getattr(managed, f"{method}_destination"), **destination) == MISSING
    assert catch_error(getattr(managed, f"{method}_notification_configuration"), **configuration) == MISSING


def test_tags_of_destinations_cannot_be_changed(notifications):
    """The pattern of ARNs in the service model of TagResource excludes destinations."""
    arn = "arn:aws:iotmanagedintegrations:eu-west-1:123456789012:destination/alerts"
    assert catch_error(notifications.tag_resource, ResourceArn=arn, Tags=TAGS)[1] == 400
