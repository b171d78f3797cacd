"""Reading the change feed: events as values, and windows of time."""

from __future__ import annotations

import datetime
import json

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.change_feed.events import ChangeEvent, is_kind_recorded, parse_event
from reconciler.engine.change_feed.feed import DELIVERY_OVERLAP, read_changes_of, read_window
from reconciler.kinds import all_kinds
from reconciler.model.call import ApiCall
from reconciler.registry import Registry
from tests.support.direct_client import START_TIME, ManualClock
from tests.support.examples import examples
from tests.support.registry_client import SETTINGS

TIME = datetime.datetime(2026, 11, 29, 10, 0, tzinfo=datetime.UTC)
MINUTE = datetime.timedelta(minutes=1)
ROLE_ARN = "arn:aws:sts::123456789012:assumed-role/ops/jane"


def make_event(record=None, **members):
    """Return an event as LookupEvents returns it, with changes of its record and of its other members."""
    whole_record = {
        "userIdentity": {"type": "AssumedRole", "arn": ROLE_ARN, "accessKeyId": "ASIA1"},
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "Boto3/1.40 md/Botocore#1.44",
        "requestParameters": {"thingName": "pump"},
        "responseElements": None,
        **(record or {}),
    }
    return {
        "EventId": "e1",
        "EventName": "UpdateThing",
        "EventSource": "iot.amazonaws.com",
        "EventTime": TIME,
        "Username": "jane",
        "CloudTrailEvent": json.dumps(whole_record),
        **members,
    }


EVENT = ChangeEvent(
    id="e1",
    time=TIME,
    service="iot",
    operation="UpdateThing",
    principal=ROLE_ARN,
    access_key_id="ASIA1",
    session="jane",
    source="203.0.113.7",
    is_from_reconciler=False,
    error_code="",
    resources=frozenset({("things", "pump")}),
)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (make_event(), EVENT),
        (make_event({"errorCode": "AccessDenied"}), evolve(EVENT, error_code="AccessDenied")),
        (
            make_event({"userAgent": "[Boto3/1.40 md/Botocore#1.44 reconciler]"}),
            evolve(EVENT, is_from_reconciler=True),
        ),
        (make_event({"userAgent": "not-reconciler/1"}), EVENT),
        (
            make_event({"userIdentity": {"type": "AWSService", "invokedBy": "iot.amazonaws.com"}}),
            evolve(EVENT, principal="iot.amazonaws.com", access_key_id="", session=""),
        ),
        (
            make_event(EventSource="ec2.amazonaws.com", EventName="RunInstances"),
            evolve(EVENT, service="", operation="RunInstances", resources=frozenset()),
        ),
        (
            make_event(CloudTrailEvent="not JSON"),
            evolve(EVENT, principal="jane", access_key_id="", session="", source="", resources=frozenset()),
        ),
    ],
    ids=["role", "failed", "ours", "alike agent", "service", "another service", "damaged"],
)
def test_an_event_is_parsed_to_who_did_what_to_which_resources(event, expected):
    assert parse_event(event) == expected


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.hypothesis
@examples(100)
@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("userIdentity", "sourceIPAddress", "userAgent", "errorCode", "responseElements"), JSON_VALUES
        )
        | {
            "requestParameters": st.dictionaries(
                st.sampled_from(["thingName", "principal", "logTarget"]), JSON_VALUES
            )
        },
    ),
    st.sampled_from(["CreateThing", "AttachThingPrincipal", "SetV2LoggingLevel", "CreatePackageVersion"]),
)
def test_a_record_of_any_shape_is_parsed(record, operation):
    event = parse_event(make_event(record, EventName=operation))
    assert (event.id, event.time, event.operation) == ("e1", TIME, operation)


def test_only_three_kinds_of_managed_integrations_are_recorded():
    recorded = {
        table
        for table, kind in all_kinds().items()
        if kind.service == "iot-managed-integrations" and is_kind_recorded(table)
    }
    assert recorded == {"account_associations", "cloud_connectors", "connector_destinations"}


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def make_registry(cloud, clock):
    """Return a function that replaces the registry by one with other settings."""

    def make(**settings):
        cloud.registry.close()
        cloud.registry = Registry(":memory:", evolve(SETTINGS, clock=clock, **settings))

    return make


def create_things(cloud, clock, numbers):
    """Create a thing a minute."""
    for number in numbers:
        cloud.iot.create_thing(thingName=f"pump-{number}")
        clock.advance(60)


def list_things(window):
    return [identity for event in window.events for _, identity in event.resources]


def test_a_window_has_the_events_from_its_start_to_its_end_newest_first(cloud, call, clock, make_registry):
    make_registry()
    create_things(cloud, clock, range(5))
    window = read_window(call, "iot", START_TIME + MINUTE, START_TIME + 3 * MINUTE)

    assert list_things(window) == ["pump-3", "pump-2", "pump-1"]
    assert (window.is_complete, window.read_count) == (True, 3)
    assert window.oldest_time == START_TIME + MINUTE
    assert list_things(read_window(call, "iot-managed-integrations", START_TIME)) == []


def test_a_window_with_more_events_than_allowed_has_the_time_since_which_it_is_known(
    cloud, call, clock, make_registry
):
    make_registry()
    create_things(cloud, clock, range(120))
    window = read_window(call, "iot", START_TIME, max_events=70)

    assert list_things(window) == [f"pump-{number}" for number in range(119, 49, -1)]
    assert (window.is_complete, window.oldest_time) == (False, START_TIME + 50 * MINUTE)
    assert read_window(call, "iot", START_TIME, max_events=120).is_complete


def test_a_late_event_is_in_the_next_window_because_windows_overlap(cloud, call, clock, make_registry):
    make_registry(trail_lag_seconds=(900.0, 900.0))
    create_things(cloud, clock, range(3))
    end = START_TIME + 3 * MINUTE
    first = read_window(call, "iot", START_TIME, end)
    clock.advance(1800)
    without_overlap = read_window(call, "iot", end)
    second = read_window(call, "iot", end - DELIVERY_OVERLAP)

    assert (list_things(first), list_things(without_overlap)) == ([], [])
    assert list_things(second) == ["pump-2", "pump-1", "pump-0"]


def test_calls_that_failed_change_nothing(clock):
    def call(request: ApiCall):
        return {"Events": [make_event({"errorCode": "AccessDenied"}), make_event(EventId="e2")]}

    window = read_window(call, "iot", TIME)
    assert ([event.id for event in window.events], window.read_count) == (["e2"], 2)


def test_the_changes_of_a_resource_are_those_whose_events_name_it(cloud, call, clock, make_registry):
    make_registry()
    create_things(cloud, clock, range(3))
    cloud.iot.update_thing(thingName="pump-1", attributePayload={"attributes": {"a": "b"}})
    window = read_changes_of(call, "pump-1", START_TIME, max_events=50)

    assert [event.operation for event in window.events] == ["UpdateThing", "CreateThing"]
