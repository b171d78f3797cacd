"""CloudTrail's LookupEvents: which writes have events, their content, and how they are looked up."""

import json
import sqlite3

import pytest
from attrs import evolve

from reconciler.registry import Registry
from reconciler.registry.catalog import load_schemas
from reconciler.registry.store import Store
from tests.support.direct_client import (
    ACCOUNT,
    EMPTY_POLICY,
    REGION,
    START_SECONDS,
    START_TIME,
    catch_error,
    create_client,
    remove_metadata,
)

DAY_SECONDS = 86_400
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


def look_up(cloudtrail, key=None, value=None, **params):
    """Return the events of one page, of an attribute if one is given."""
    attributes = [{"AttributeKey": key, "AttributeValue": value}] if key else []
    return cloudtrail.lookup_events(LookupAttributes=attributes, **params)["Events"]


def look_up_names(cloudtrail, key=None, value=None, **params):
    return [event["EventName"] for event in look_up(cloudtrail, key, value, **params)]


def read_record(event):
    return json.loads(event["CloudTrailEvent"])


@pytest.fixture
def make_registry(current_registry, settings):
    """Return a function that opens a registry with other settings, which the session's clients then call."""
    registries = []

    def make(path=":memory:", **changes):
        registries.append(Registry(path, evolve(settings, **changes)))
        current_registry.registry = registries[-1]
        return registries[-1]

    yield make
    current_registry.registry = None
    for registry in registries:
        registry.close()


@pytest.fixture
def clients(session_clients):
    return session_clients["iot"], session_clients["cloudtrail"]


def test_a_write_has_an_event_with_its_request_its_response_and_its_caller(iot, cloudtrail):
    created = iot.create_thing(thingName="pump", attributePayload={"attributes": {"site": "oslo"}})

    (event,) = look_up(cloudtrail)
    record = read_record(event)
    agent, event_id = record.pop("userAgent"), event.pop("EventId")
    assert agent.startswith("Boto3/")
    assert event == {
        "EventName": "CreateThing",
        "ReadOnly": "false",
        "AccessKeyId": "test",
        "EventTime": START_TIME,
        "EventSource": "iot.amazonaws.com",
        "Username": "test",
        "Resources": [{"ResourceType": "AWS::IoT::Thing", "ResourceName": "pump"}],
        "CloudTrailEvent": event["CloudTrailEvent"],
    }
    assert record == {
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "test",
            "arn": f"arn:aws:iam::{ACCOUNT}:user/test",
            "accountId": ACCOUNT,
            "accessKeyId": "test",
            "userName": "test",
        },
        "eventTime": "2025-06-15T15:06:40Z",
        "eventSource": "iot.amazonaws.com",
        "eventName": "CreateThing",
        "awsRegion": REGION,
        "sourceIPAddress": "127.0.0.1",
        "requestParameters": {"thingName": "pump", "attributePayload": {"attributes": {"site": "oslo"}}},
        "responseElements": remove_metadata(created),
        "requestID": created["ResponseMetadata"]["RequestId"],
        "eventID": event_id,
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }


def test_an_account_as_key_id_is_its_root_user_and_a_session_token_a_role(registry, cloudtrail, iot):
    root = create_client("iot", lambda: registry, ACCOUNT)
    root.create_thing(thingName="a")
    iot.meta.events.register("before-sign.iot.CreateThing", _add_token)
    iot.create_thing(thingName="b")
    iot.meta.events.unregister("before-sign.iot.CreateThing", _add_token)

    events = look_up(cloudtrail)
    assert [event["Username"] for event in events] == ["jane", "root"]
    assert [read_record(event)["userIdentity"] for event in events] == [
        {
            "type": "AssumedRole",
            "principalId": "ops:jane",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/jane",
            "accountId": ACCOUNT,
            "accessKeyId": "test",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "ops",
                    "arn": f"arn:aws:iam::{ACCOUNT}:role/ops",
                    "accountId": ACCOUNT,
                    "userName": "ops",
                }
            },
        },
        {
            "type": "Root",
            "principalId": ACCOUNT,
            "arn": f"arn:aws:iam::{ACCOUNT}:root",
            "accountId": ACCOUNT,
            "accessKeyId": ACCOUNT,
        },
    ]


def _add_token(request, **_):
    request.headers["X-Amz-Security-Token"] = "ops/jane"


def test_failed_writes_and_reads_have_no_events(iot, cloudtrail):
    iot.create_policy(policyName="p", policyDocument=EMPTY_POLICY)
    catch_error(iot.create_policy, policyName="p", policyDocument=EMPTY_POLICY)
    iot.get_registration_code()
    iot.list_targets_for_policy(policyName="p")
    iot.get_policy(policyName="p")

    assert look_up_names(cloudtrail) == ["CreatePolicy"]


def test_only_connector_operations_of_managed_integrations_have_events(managed, cloudtrail):
    managed.create_credential_locker(Name="locker", ClientToken="t")
    created = managed.create_cloud_connector(
        Name="cloud", EndpointConfig={"lambda": {"arn": "arn:aws:lambda:eu-west-1:1:function:f"}}
    )

    (event,) = look_up(cloudtrail)
    assert (event["EventName"], event["EventSource"]) == (
        "CreateCloudConnector",
        "iotmanagedintegrations.amazonaws.com",
    )
    assert event["Resources"] == [
        {"ResourceType": "AWS::IoTManagedIntegrations::CloudConnector", "ResourceName": created["Id"]}
    ]


def test_private_keys_and_sensitive_parameters_are_hidden_and_not_stored(make_registry, clients, tmp_path):
    iot, cloudtrail = clients
    registry = make_registry(tmp_path / "registry.db")
    key = iot.create_keys_and_certificate()["keyPair"]["PrivateKey"]
    iot.create_package(packageName="app", description="canary-31415")

    records = {event["EventName"]: read_record(event) for event in look_up(cloudtrail)}
    registry.close()
    assert records["CreateKeysAndCertificate"]["responseElements"]["keyPair"]["PrivateKey"] == HIDDEN
    assert records["CreatePackage"]["requestParameters"]["description"] == HIDDEN
    with sqlite3.connect(tmp_path / "registry.db") as connection:
        stored = str(connection.execute("SELECT * FROM trail_events").fetchall())
    assert [secret for secret in (key, "canary-31415") if secret in stored] == []


def test_events_are_looked_up_by_each_attribute(registry, iot, cloudtrail, device):
    jane = create_client("iot", lambda: registry, "jane")
    jane.create_thing(thingName="pump")
    jane.attach_thing_principal(thingName="pump", principal=device["certificateArn"])
    events = look_up(cloudtrail)

    def names(key, value):
        return look_up_names(cloudtrail, key, value)

    earlier = ["RegisterCertificate", "RegisterCACertificate"]
    assert (
        names("Username", "jane") == names("AccessKeyId", "jane") == ["AttachThingPrincipal", "CreateThing"]
    )
    assert names("EventName", "CreateThing") == ["CreateThing"]
    assert names("EventId", events[1]["EventId"]) == ["CreateThing"]
    assert names("EventId", "not-an-id") == []
    assert names("ResourceName", "pump") == ["AttachThingPrincipal", "CreateThing"]
    assert names("ResourceName", "pum") == []
    assert names("ResourceName", device["certificateId"]) == ["AttachThingPrincipal", "RegisterCertificate"]
    assert names("ResourceType", "AWS::IoT::CACertificate") == ["RegisterCACertificate"]
    everything = ["AttachThingPrincipal", "CreateThing", *earlier]
    assert names("EventSource", "iot.amazonaws.com") == names("ReadOnly", "false") == everything
    assert names("EventSource", "ec2.amazonaws.com") == names("ReadOnly", "true") == []
    assert look_up_names(cloudtrail, EventCategory="insight") == []


def test_a_page_has_at_most_fifty_events_newest_first(iot, cloudtrail, clock):
    for number in range(120):
        clock.advance(1)
        iot.create_thing(thingName=f"pump-{number}")
    pages = list(cloudtrail.get_paginator("lookup_events").paginate())
    sizes = [len(page["Events"]) for page in pages]
    things = [event["Resources"][0]["ResourceName"] for page in pages for event in page["Events"]]

    assert sizes == [50, 50, 20]
    assert things == [f"pump-{number}" for number in reversed(range(120))]
    assert len(look_up(cloudtrail, MaxResults=7)) == 7


def test_the_time_of_a_lookup_includes_its_start_and_its_end(iot, cloudtrail, clock):
    for number in range(4):
        iot.create_thing(thingName=f"pump-{number}")
        clock.advance(1)
    events = look_up(cloudtrail, StartTime=START_SECONDS + 1, EndTime=START_SECONDS + 2)

    assert [event["Resources"][0]["ResourceName"] for event in events] == ["pump-2", "pump-1"]


def test_invalid_lookups_are_rejected_with_the_errors_of_the_model(iot, cloudtrail):
    iot.create_thing(thingName="a")
    iot.create_thing(thingName="b")
    token = cloudtrail.lookup_events(MaxResults=1)["NextToken"]
    attribute = {"AttributeKey": "EventName", "AttributeValue": "CreateThing"}

    assert {
        name: catch_error(cloudtrail.lookup_events, **params)
        for name, params in {
            "two attributes": {"LookupAttributes": [attribute, attribute]},
            "read only": {"LookupAttributes": [{"AttributeKey": "ReadOnly", "AttributeValue": "maybe"}]},
            "start after end": {"StartTime": START_SECONDS + 1, "EndTime": START_SECONDS},
            "token": {"NextToken": "x"},
            "token of another lookup": {"NextToken": token, "LookupAttributes": [attribute]},
            "page size": {"MaxResults": 51},
        }.items()
    } == {
        "two attributes": ("InvalidLookupAttributesException", 400),
        "read only": ("InvalidLookupAttributesException", 400),
        "start after end": ("InvalidTimeRangeException", 400),
        "token": ("InvalidNextTokenException", 400),
        "token of another lookup": ("InvalidNextTokenException", 400),
        "page size": ("ValidationException", 400),
    }


def test_an_event_is_delivered_after_the_lag(make_registry, clients, clock):
    iot, cloudtrail = clients
    make_registry(trail_lag_seconds=(300.0, 300.0))
    iot.create_thing(thingName="pump")
    clock.advance(299)
    before = look_up_names(cloudtrail)
    clock.advance(1)

    assert (before, look_up_names(cloudtrail)) == ([], ["CreateThing"])


def test_lags_and_losses_are_those_of_the_seed(make_registry, clients, clock):
    iot, cloudtrail = clients

    def list_delivered(seed):
        make_registry(trail_lag_seconds=(60.0, 900.0), trail_loss=0.1, trail_seed=seed)
        for number in range(200):
            iot.create_thing(thingName=f"pump-{number}")
        clock.advance(480)
        pages = cloudtrail.get_paginator("lookup_events").paginate()
        return [event["Resources"][0]["ResourceName"] for page in pages for event in page["Events"]]

    first, same, other = list_delivered(1), list_delivered(1), list_delivered(2)
    # Half of the 90 percent that are not lost are delivered in 480 of 60 to 900 seconds.
    assert first == same != other
    assert 70 <= len(first) <= 110


def test_lost_events_are_never_delivered(make_registry, clients, clock):
    iot, cloudtrail = clients
    make_registry(trail_loss=1.0)
    iot.create_thing(thingName="pump")
    clock.advance(DAY_SECONDS)

    assert look_up_names(cloudtrail) == []


def test_events_expire_after_ninety_days_and_leave_the_file(make_registry, clients, clock, tmp_path):
    iot, cloudtrail = clients
    registry = make_registry(tmp_path / "registry.db")
    iot.create_thing(thingName="old")
    clock.advance(90 * DAY_SECONDS)
    last_day = look_up_names(cloudtrail)
    clock.advance(1)
    expired = look_up_names(cloudtrail)
    for number in range(300):
        iot.create_thing(thingName=f"pump-{number}")
    registry.close()

    assert (last_day, expired) == (["CreateThing"], [])
    with sqlite3.connect(tmp_path / "registry.db") as connection:
        assert connection.execute("SELECT count(*) FROM trail_events").fetchone() == (300,)


def test_events_belong_to_their_account_and_region(registry, iot, cloudtrail):
    iot.create_thing(thingName="pump")
    others = [
        create_client("cloudtrail", lambda: registry, "999999999999"),
        create_client("cloudtrail", lambda: registry, region="us-east-1"),
    ]

    assert [look_up_names(client) for client in (cloudtrail, *others)] == [["CreateThing"], [], []]


def test_events_can_have_no_list_of_resources(make_registry, clients):
    iot, cloudtrail = clients
    make_registry(trail_names_resources=False)
    iot.create_thing(thingName="pump")

    assert [event["Resources"] for event in look_up(cloudtrail)] == [[]]
    assert look_up_names(cloudtrail, "ResourceName", "pump") == []


def test_a_registry_without_a_trail_has_no_events(make_registry, clients):
    iot, cloudtrail = clients
    make_registry(has_trail=False)
    iot.create_thing(thingName="pump")

    assert look_up_names(cloudtrail) == []


def test_a_database_from_before_the_trail_gets_one_when_it_is_opened(make_registry, clients, tmp_path):
    iot, cloudtrail = clients
    path = tmp_path / "registry.db"
    Store(path, {noun: steps for noun, steps in load_schemas().items() if noun != "trail_events"}).close()
    make_registry(path)
    iot.create_thing(thingName="pump")

    assert look_up_names(cloudtrail) == ["CreateThing"]
