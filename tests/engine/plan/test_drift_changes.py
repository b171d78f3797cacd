"""The last changes of the resources that differ from the file, according to CloudTrail."""

from __future__ import annotations

import datetime

import boto3
import pytest
from attrs import evolve
from botocore.config import Config

from reconciler.aws.caller import Caller
from reconciler.aws.embedded import bind
from reconciler.aws.retries import NO_BOTOCORE_RETRIES
from reconciler.engine.plan.drift import LastChange, find_drift
from reconciler.engine.plan.drift_changes import (
    MAX_NAME_LOOKUPS,
    MAX_SEARCHED_EVENTS,
    add_last_changes,
)
from reconciler.kinds.cloud_connectors import CloudConnector
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.errors import AwsError, TargetError
from reconciler.model.run import ProcessIdentity, Run
from reconciler.registry import Registry
from tests.support.desired_states import (
    converge,
    make_ca,
    make_device,
    make_managed_thing,
    make_resource,
    make_state,
)
from tests.support.direct_client import START_TIME, ManualClock, create_client
from tests.support.registry_client import REGION, SETTINGS, TARGET, Cloud
from tests.support.service_models import create_session

JANE = "arn:aws:iam::123456789012:user/jane"
ABSENT = "not in the trail of the last 90 days (it may be late by some minutes)"
UNKNOWN = "cannot read the trail, so who changed the resources is not known: "
HOUR = 3600


class TrailCloud(Cloud):
    """A registry with a clock and with CloudTrail, which counts the lookups by their attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        core = create_session()
        bind(core, self)
        config = Config(retries=dict(NO_BOTOCORE_RETRIES), user_agent_extra="reconciler")
        session = boto3.Session("embedded", "embedded", region_name=REGION, botocore_session=core)
        self.jane = create_client("iot", lambda: self.registry, "jane")
        clients = {
            name: session.client(name, config=config)
            for name in ("iot", "iot-managed-integrations", "cloudtrail")
        }
        self._send = Caller(clients)
        self.lookups: list[str] = []

    def call_counted(self, request):
        if request.operation == "LookupEvents":
            self.lookups.append(request.params["LookupAttributes"][0]["AttributeKey"])
        return self._send(request)

    def start(self, **settings):
        """Replace the registry with an empty one with other settings."""
        self.registry.close()
        self.clock.now = START_TIME.timestamp()
        self.registry = Registry(":memory:", evolve(SETTINGS, clock=self.clock, **settings))
        self.lookups.clear()
        self.call = self.call_counted
        self._configure_account()
        return self


@pytest.fixture(scope="module")
def module_cloud():
    return TrailCloud()


@pytest.fixture
def cloud(module_cloud):
    return module_cloud.start()


def find_who(state, cloud, *, call=None, runs=()):
    """Return the drift of a state with the last changes, at the registry's time."""
    drift = find_drift(state, target=TARGET, call=cloud.call, progress=lambda *_: None)
    now = datetime.datetime.fromtimestamp(cloud.clock.now, datetime.UTC)
    return add_last_changes(drift, state.resources, call or cloud.call, now=now, runs=runs)


def describe(drift):
    """Return who changed each resource and with which operation, or why that is not known."""
    return {
        str(item.address): (item.last_change.principal, item.last_change.operation)
        if item.last_change
        else item.unknown_change
        for item in drift.items
    }


FLEET = make_state(make_ca(), *make_device("a", site="oslo"), *make_device("b"))


def test_the_last_change_of_each_resource_names_who_when_and_from_where(cloud):
    converge(FLEET, cloud)
    cloud.jane.update_thing(thingName="a", attributePayload={"attributes": {"site": "rome"}})
    cloud.clock.advance(3 * HOUR)
    drift = find_who(FLEET, cloud)

    (item,) = drift.items
    assert item.last_change == LastChange("UpdateThing", START_TIME, 3.0 * HOUR, JANE, "127.0.0.1")
    assert (item.unknown_change, drift.trail_notes) == ("", ())


def test_detached_and_deleted_resources_name_who_did_that(cloud):
    converge(FLEET, cloud)
    certificates = {
        name: cloud.iot.list_thing_principals(thingName=name)["principals"][0] for name in ("a", "b")
    }
    cloud.jane.detach_thing_principal(thingName="a", principal=certificates["a"])
    cloud.jane.detach_thing_principal(thingName="b", principal=certificates["b"])
    cloud.jane.delete_thing(thingName="b")

    who = describe(find_who(FLEET, cloud))
    assert who["things.a"] == (JANE, "DetachThingPrincipal")
    assert who["things.b"] == (JANE, "DeleteThing")


def test_a_run_of_this_workspace_is_named_and_another_of_reconciler_is_only_recognized(cloud):
    converge(FLEET, cloud)
    cloud.clock.advance(HOUR)
    changed = make_state(make_ca(), *make_device("a", site="rome"), *make_device("b"))
    now = datetime.datetime.fromtimestamp(cloud.clock.now, datetime.UTC)
    run = Run("run1", "ws", "t", ProcessIdentity("u", "h", 1, 1.0), "apply", "f", "p", now, now, "applied")
    earlier_run = evolve(run, id="run0", started_at=START_TIME, ended_at=START_TIME)

    def read(runs):
        (item,) = find_who(changed, cloud, runs=runs).items
        return item.last_change.is_from_reconciler, item.last_change.run

    assert read([run]) == (True, "")
    assert read([run, earlier_run]) == (True, "run0")


def test_few_resources_are_looked_up_by_name_and_many_are_searched_for(cloud):
    def count_lookups(count):
        cloud.start()
        state = make_state(*(make_resource("things", f"t{number}", Thing()) for number in range(count)))
        converge(state, cloud)
        for number in range(count):
            cloud.jane.delete_thing(thingName=f"t{number}")
        who = describe(find_who(state, cloud))
        assert set(who.values()) == {(JANE, "DeleteThing")}
        return cloud.lookups

    assert count_lookups(MAX_NAME_LOOKUPS) == ["ResourceName"] * MAX_NAME_LOOKUPS
    assert count_lookups(MAX_NAME_LOOKUPS + 1) == ["EventSource"]


def test_a_resource_whose_events_do_not_name_it_is_searched_for(cloud):
    cloud.start(trail_names_resources=False)
    converge(FLEET, cloud)
    cloud.jane.update_thing(thingName="a", attributePayload={"attributes": {"site": "rome"}})
    cloud.clock.advance(30 * HOUR)

    assert describe(find_who(FLEET, cloud)) == {"things.a": (JANE, "UpdateThing")}
    # The last hour, the last day, and then the last week, which has the event.
    assert cloud.lookups == ["ResourceName", "EventSource", "EventSource", "EventSource"]


def test_a_change_that_is_late_lost_or_expired_is_not_in_the_trail(cloud):
    for settings, seconds in (
        ({"trail_lag_seconds": (300.0, 300.0)}, 299),
        ({"trail_loss": 1.0}, HOUR),
        ({}, 91 * 24 * HOUR),
    ):
        cloud.start(**settings)
        converge(FLEET, cloud)
        cloud.jane.update_thing(thingName="a", attributePayload={"attributes": {"site": "rome"}})
        cloud.clock.advance(seconds)
        assert describe(find_who(FLEET, cloud)) == {"things.a": ABSENT}


def test_a_search_stops_at_its_limit_and_names_the_time_since_which_it_knows(cloud):
    cloud.start(trail_names_resources=False)
    converge(FLEET, cloud)
    cloud.jane.update_thing(thingName="a", attributePayload={"attributes": {"site": "rome"}})
    cloud.clock.advance(60)
    for number in range(MAX_SEARCHED_EVENTS):
        cloud.iot.create_thing(thingName=f"other-{number}")

    assert describe(find_who(FLEET, cloud)) == {
        "things.a": "not in the latest 2,000 events of the trail, which begin at 2025-06-15 15:07 UTC"
    }
    assert cloud.lookups == ["ResourceName", "EventSource"]


def test_kinds_that_cloudtrail_does_not_record_and_lost_ids_are_explained(cloud):
    connector = make_resource(
        "cloud_connectors", "c", CloudConnector(lambda_arn="arn:aws:lambda:eu-west-1:1:function:f")
    )
    state = make_state(make_managed_thing("m"), connector)

    assert describe(find_who(state, cloud)) == {
        "cloud_connectors.c": "the trail cannot be searched for it: AWS assigned its ID, which is no longer known",
        "managed_things.m": "CloudTrail does not record changes of managed things",
    }
    assert cloud.lookups == []


@pytest.mark.parametrize(
    ("error", "note"),
    [
        (
            AwsError(
                service="cloudtrail", operation="LookupEvents", code="AccessDeniedException", message="no"
            ),
            UNKNOWN
            + "AccessDeniedException; allow cloudtrail:LookupEvents (`reconciler permissions --for drift`)",
        ),
        (
            TargetError("cannot connect"),
            UNKNOWN + "cannot connect",
        ),
    ],
    ids=["no permission", "no connection"],
)
def test_a_trail_that_cannot_be_read_is_a_note_and_no_failure(cloud, error, note):
    def fail(request):
        raise error

    drift = find_who(FLEET, cloud, call=fail)
    assert drift.trail_notes == (note,)
    assert {(item.last_change, item.unknown_change) for item in drift.items} == {(None, "")}
    assert [item.address for item in drift.items if item.address.kind == "things"] == [
        Address("things", "a"),
        Address("things", "b"),
    ]
