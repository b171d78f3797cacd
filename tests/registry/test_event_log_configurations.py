"""Event log configurations of managed integrations: one for each type and ID."""

import pytest

from tests.support.direct_client import catch_error, remove_metadata

PARAMS = {"ResourceType": "managed-thing", "ResourceId": "a1", "EventLogLevel": "WARN"}
CONFLICT = ("ConflictException", 409)
MISSING = ("ResourceNotFoundException", 404)


def test_a_configuration_is_returned_and_listed_as_it_was_created(managed):
    created = remove_metadata(managed.create_event_log_configuration(**PARAMS))
    expected = {**PARAMS, **created}
    assert remove_metadata(managed.get_event_log_configuration(**created)) == expected
    listing = remove_metadata(managed.list_event_log_configurations())
    assert listing == {"EventLogConfigurationList": [expected]}


def test_an_update_changes_only_the_level(managed):
    created = remove_metadata(managed.create_event_log_configuration(**PARAMS))
    managed.update_event_log_configuration(**created, EventLogLevel="DEBUG")
    expected = {**PARAMS, **created, "EventLogLevel": "DEBUG"}
    assert remove_metadata(managed.get_event_log_configuration(**created)) == expected


def test_a_resource_has_at_most_one_configuration(managed):
    create = managed.create_event_log_configuration
    create(**PARAMS)
    create(**{**PARAMS, "ResourceId": "a2"})
    create(ResourceType="managed-thing", EventLogLevel="WARN")
    assert catch_error(create, **{**PARAMS, "EventLogLevel": "DEBUG"}) == CONFLICT
    assert catch_error(create, ResourceType="managed-thing", ResourceId="*", EventLogLevel="INFO") == CONFLICT


def test_repeating_a_client_token_returns_the_same_configuration(managed):
    create = managed.create_event_log_configuration
    first = create(**PARAMS, ClientToken="t1")["Id"]
    assert create(**PARAMS, ClientToken="t1")["Id"] == first
    managed.delete_event_log_configuration(Id=first)
    assert create(**PARAMS, ClientToken="t1")["Id"] != first


@pytest.mark.parametrize("method", ["get", "update", "delete"])
def test_a_missing_configuration_is_an_error(managed, method):
    level = {"EventLogLevel": "INFO"} if method == "update" else {}
    call = getattr(managed, f"{method}_event_log_configuration")
    assert catch_error(call, Id="a1", **level) == MISSING
