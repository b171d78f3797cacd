"""Failures, poisoned caches and concurrent runs make a plan read more, never plan something else."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.engine.remembered.cache import CacheError
from reconciler.kinds.things import Thing
from reconciler.model.errors import AwsError
from tests.engine.remembered.conftest import ARN_PREFIX, IDS, NAMES, make_fleet
from tests.support.desired_states import make_resource, make_state
from tests.support.remembered_fleets import DAY, HOUR, RememberedFleet

DESIRED = make_fleet({name: (name,) for name in NAMES})


def detach(fleet: RememberedFleet, thing: str) -> None:
    """Detach a thing's certificate by hand."""
    fleet.cloud.iot.detach_thing_principal(thingName=thing, principal=ARN_PREFIX + IDS[thing])


def fail(monkeypatch, fleet: RememberedFleet, operation: str, code: str) -> None:
    """Have the registry answer an operation with an error."""
    call = fleet.cloud.call

    def send(request):
        if request.operation == operation:
            raise AwsError(service=request.service, operation=operation, code=code, message="no")
        return call(request)

    monkeypatch.setattr(fleet.cloud, "call", send)


@pytest.mark.parametrize("code", ["ThrottlingException", "TooManyRequestsException", "AccessDeniedException"])
def test_events_that_one_plan_could_not_read_are_read_by_the_next_plan(fleet, monkeypatch, code):
    detach(fleet, "b")
    fleet.clock.advance(2 * HOUR)
    with monkeypatch.context() as patch:
        fail(patch, fleet, "LookupEvents", code)
        assert not fleet.plan(DESIRED)
    fleet.clock.advance(2 * HOUR)
    assert [str(step.address) for step in fleet.plan(DESIRED).steps] == ["things.b"]


def test_events_without_a_time_count_as_events_that_could_not_be_read(fleet, monkeypatch):
    detach(fleet, "b")
    call = fleet.cloud.call

    def send(request):
        response = call(request)
        for event in response.get("Events", ()):
            del event["EventTime"]
        return response

    with monkeypatch.context() as patch:
        patch.setattr(fleet.cloud, "call", send)
        plan = fleet.plan(DESIRED)
    problem = "CloudTrail cannot be read, so edges that others changed are found only in their turn"
    reason = "cloudtrail:LookupEvents returned an event without a time; check the endpoint"
    assert (list(plan.steps), plan.edges.warnings) == ([], (f"{problem}: {reason}",))
    assert [str(step.address) for step in fleet.plan(DESIRED).steps] == ["things.b"]


@pytest.mark.parametrize("times", [(1e300, 0.0), (1e300, 1e299), (0.0, -1e300), (-1e300, -1e299)])
def test_a_poisoned_time_of_our_last_run_does_not_stop_a_plan(fleet, times):
    cache = fleet.open_cache()
    cache.write_times(lease_since=times[0], lease_until=times[1])
    cache.close()
    assert not fleet.plan(DESIRED)


@pytest.mark.parametrize("name", ["checkpoint", "trusted_since"])
@pytest.mark.parametrize("time", [1e300, -1e300, 0.0])
def test_poisoned_times_of_the_cache_are_replaced(fleet, name, time):
    cache = fleet.open_cache()
    cache.write_times(**{name: time})
    cache.close()
    assert not fleet.plan(DESIRED)
    fleet.clock.advance(HOUR)
    assert not fleet.plan(DESIRED)
    fleet.clock.advance(HOUR)
    fleet.sent.clear()
    assert not fleet.plan(DESIRED)
    assert fleet.list_edge_reads() == []


def test_edges_are_remembered_again_soon_after_the_clock_of_the_registry_is_set_back(fleet):
    fleet.clock.advance(-2 * DAY)
    warning = "no remembered edge is used: the last reading is in the future by the registry's clock"
    assert fleet.plan(DESIRED).edges.warnings == (warning,)
    fleet.clock.advance(HOUR)
    assert fleet.plan(DESIRED).edges.summary == "edges: 0 read now, 4 remembered, oldest 1 h (limit 7 d)"


def test_a_poisoned_end_of_a_run_does_not_keep_edges_from_being_remembered(fleet):
    cache = fleet.open_cache()
    cache.mark_written(dict.fromkeys(NAMES, 8e15))
    cache.close()
    assert fleet.plan(DESIRED).edges.read_now == len(NAMES)
    fleet.clock.advance(HOUR)
    fleet.plan(DESIRED)
    fleet.clock.advance(HOUR)
    assert fleet.plan(DESIRED).edges.summary == "edges: 0 read now, 4 remembered, oldest 1 h (limit 7 d)"


def test_a_denied_listing_of_certificates_has_the_same_error_in_both_modes(fleet, monkeypatch):
    fail(monkeypatch, fleet, "ListCertificates", "AccessDeniedException")
    errors = []
    for read in ("all", "changed"):
        with pytest.raises(AwsError) as error:
            fleet.plan(DESIRED, read=read)
        errors.append(str(error.value))
    assert errors[0] == errors[1]


def test_a_plan_reads_things_without_certificates_where_certificates_cannot_be_listed(fleet, monkeypatch):
    fail(monkeypatch, fleet, "ListCertificates", "AccessDeniedException")
    desired = make_state(make_resource("things", "new", Thing()))
    plans = [fleet.plan(desired, read=read, allow_cascade=True) for read in ("all", "changed")]
    assert plans[0].digest == plans[1].digest


def test_a_cache_that_another_process_has_locked_is_not_deleted(fleet, monkeypatch):
    monkeypatch.setattr("reconciler.engine.remembered.cache._BUSY_SECONDS", 0.1)
    cache = fleet.open_cache()
    cache._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    cache._connection.execute("BEGIN EXCLUSIVE")
    inode = cache.path.stat().st_ino
    with pytest.raises(CacheError, match="locked"):
        fleet.open_cache()
    assert cache.path.stat().st_ino == inode
    cache._connection.execute("ROLLBACK")
    cache.close()


def test_an_older_reading_of_another_plan_does_not_replace_our_own(fleet, monkeypatch):
    detach(fleet, "b")
    fleet.cloud.iot.attach_thing_principal(thingName="b", principal=ARN_PREFIX + IDS["b"])
    call, listings = fleet.cloud.call, []

    def send(request):
        if request.operation == "ListThings":
            listings.append(request)
            if len(listings) > 1:  # in the second pass
                cache = fleet.open_cache()
                own = cache.find("b")
                cache.store([own._replace(principals=b"[]", read_at=own.read_at - HOUR)])
                cache.close()
        return call(request)

    monkeypatch.setattr(fleet.cloud, "call", send)
    thing = make_resource("things", "a", Thing(certificates=("a",), attributes={"color": "red"}))
    desired = evolve(DESIRED, resources={**DESIRED.resources, thing.address: thing})
    assert [str(step.address) for step in fleet.plan(desired).steps] == ["things.a"]
    assert len(listings) > 1
