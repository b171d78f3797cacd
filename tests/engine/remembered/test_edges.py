"""A plan reads the edges that may have changed, and shows how old the others are."""

from __future__ import annotations

import datetime
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.kinds.certificates import Certificate
from reconciler.kinds.things import Thing
from reconciler.model.call import ApiCall
from reconciler.model.edge_readings import RememberedSettings
from reconciler.model.errors import AwsError
from reconciler.model.pem import Pem
from reconciler.model.resource import External
from tests.engine.remembered.conftest import ARN_PREFIX, IDS, NAMES, PEMS, make_fleet
from tests.support.desired_states import AUTHORITIES, make_resource, make_state
from tests.support.remembered_fleets import DAY, HOUR, RememberedFleet

DESIRED = make_fleet({name: (name,) for name in NAMES})
ALL = sorted(NAMES)
TIMEOUT_SECONDS = 60.0


def plan_and_list_reads(fleet: RememberedFleet, desired=DESIRED, **options):
    """Return a plan's summary of the edges, and the things whose edges it read."""
    plan = fleet.plan(desired, **options)
    return plan.edges.summary, fleet.list_edge_reads()


def attach(fleet, thing, certificate):
    fleet.cloud.iot.attach_thing_principal(thingName=thing, principal=ARN_PREFIX + IDS[certificate])


def detach(fleet, thing, certificate):
    fleet.cloud.iot.detach_thing_principal(thingName=thing, principal=ARN_PREFIX + IDS[certificate])


def lose_events(fleet, known):
    fleet.lost_events |= fleet.list_events() - known


def make_older(fleet, *names):
    """Make the readings of things four days older than those of the others."""
    cache = fleet.open_cache()
    cache.write_times(trusted_since=0.0)
    older = [cache.find(name)._replace(read_at=fleet.clock() - 4 * DAY) for name in names]
    cache.forget(names)
    cache.store(older)
    cache.close()


def test_edges_that_nothing_speaks_against_are_remembered_with_their_age(fleet):
    assert plan_and_list_reads(fleet) == ("edges: 0 read now, 4 remembered, oldest 1 h (limit 7 d)", [])


def test_a_plan_that_reads_all_edges_describes_no_readings(fleet):
    plan = fleet.plan(DESIRED, read="all")
    assert (plan.edges, fleet.list_edge_reads()) == (None, ALL)


def test_the_edges_of_a_thing_with_another_version_are_read(fleet):
    fleet.cloud.iot.update_thing(thingName="b", attributePayload={"attributes": {"x": "y"}})
    assert plan_and_list_reads(fleet)[1] == ["b"]


def test_the_edges_that_the_change_feed_names_are_read(fleet):
    detach(fleet, "b", "b")
    plan = fleet.plan(DESIRED)
    assert [str(step.address) for step in plan.steps] == ["things.b"]
    assert (plan.edges.reasons, fleet.list_edge_reads()) == ({"named by CloudTrail": 1}, ["b"])


def test_the_edges_of_a_thing_whose_certificate_has_another_status_are_read(fleet):
    fleet.cloud.iot.update_certificate(certificateId=IDS["c"], newStatus="INACTIVE")
    assert plan_and_list_reads(fleet)[1] == ["c"]


def test_the_edges_of_a_thing_that_the_file_gives_another_certificate_are_read(fleet):
    desired = make_fleet({**{name: (name,) for name in NAMES}, "d": ("e",)})
    assert plan_and_list_reads(fleet, desired, allow_cascade=True)[1] == ["d"]


def test_edges_older_than_max_age_are_read(fleet):
    fleet.clock.advance(7 * DAY)
    plan = fleet.plan(DESIRED)
    assert (plan.edges.reasons, fleet.list_edge_reads()) == ({"older than max_age": 4}, ALL)
    assert plan.edges.limit == 'max_age = "7d" limits: 4 readings had expired'


def test_a_longer_scrub_is_advised_only_if_younger_edges_are_remembered(fleet):
    fleet.clock.advance(3 * DAY)
    fleet.settings, fleet.rate = RememberedSettings(scrub="2s"), 1.0
    fleet.plan(DESIRED)
    fleet.clock.advance(5 * DAY)
    plan = fleet.plan(DESIRED)
    assert (plan.edges.reasons, plan.edges.remembered) == ({"older than max_age": 2}, 2)
    expected = 'max_age = "7d" limits: 2 readings had expired; a longer scrub reads them in time'
    assert plan.edges.limit == expected


def test_the_scrub_reads_as_many_edges_as_its_time_allows_the_oldest_first(fleet):
    fleet.settings = RememberedSettings(scrub="2s")
    fleet.rate = 1.0
    make_older(fleet, "c", "a")
    plan = fleet.plan(DESIRED)
    assert (plan.edges.reasons, fleet.list_edge_reads()) == ({"in turn": 2}, ["a", "c"])
    assert plan.edges.limit == 'scrub = "2s" limits: all have their turn in 2 runs'


def test_a_change_that_rests_on_memory_is_read_before_it_is_planned(fleet):
    known = fleet.list_events()
    attach(fleet, "a", "b")  # the cache then has an edge that no longer exists
    fleet.clock.advance(2 * HOUR)
    fleet.plan(DESIRED)
    detach(fleet, "a", "b")
    lose_events(fleet, known)
    fleet.sent.clear()
    assert not fleet.plan(DESIRED)
    assert fleet.list_edge_reads() == ["a"]


def test_an_unexplained_difference_makes_a_plan_read_all_edges(fleet):
    known = fleet.list_events()
    detach(fleet, "a", "a")
    lose_events(fleet, known)
    fleet.rate = 1.0
    make_older(fleet, "a")
    fleet.settings = RememberedSettings(scrub="1s")
    plan = fleet.plan(DESIRED)
    assert [str(step.address) for step in plan.steps] == ["things.a"]
    assert fleet.list_edge_reads() == ALL
    warning = "the edges of a changed, and neither CloudTrail nor a version shows it; all edges were read"
    assert plan.edges.warnings == (warning,)


def test_an_unexplained_difference_is_only_a_warning_if_the_file_has_warn(fleet):
    known = fleet.list_events()
    detach(fleet, "a", "a")
    lose_events(fleet, known)
    make_older(fleet, "a")
    fleet.settings, fleet.rate = RememberedSettings(scrub="1s", unexplained="warn"), 1.0
    plan = fleet.plan(DESIRED)
    warning = "the edges of a changed, and neither CloudTrail nor a version shows it; `--read all` finds all such changes"
    assert (plan.edges.warnings, fleet.list_edge_reads()) == ((warning,), ["a"])


def test_nothing_is_remembered_if_the_change_feed_lacks_the_writes_of_our_last_run(fleet):
    cache = fleet.open_cache()
    cache.write_times(lease_since=fleet.clock() - 3 * HOUR, lease_until=fleet.clock() - 2 * HOUR)
    cache.close()
    plan = fleet.plan(DESIRED)
    warning = "no remembered edge is used: CloudTrail does not have the writes of our last run"
    assert (plan.edges.warnings, fleet.list_edge_reads()) == ((warning,), ALL)


def test_nothing_is_remembered_after_a_gap_in_the_change_feed(fleet):
    fleet.settings = RememberedSettings(max_age="365d", scrub="0s")
    fleet.clock.advance(91 * DAY)
    plan = fleet.plan(DESIRED)
    warning = "no remembered edge is used: the last reading is too long ago for CloudTrail's event history"
    assert (plan.edges.warnings, fleet.list_edge_reads()) == ((warning,), ALL)


def test_a_change_feed_that_cannot_be_read_is_a_warning(fleet, monkeypatch):
    call = fleet.cloud.call

    def deny(request):
        if request.operation == "LookupEvents":
            raise AwsError(
                service="cloudtrail", operation="LookupEvents", code="AccessDeniedException", message="no"
            )
        return call(request)

    monkeypatch.setattr(fleet.cloud, "call", deny)
    plan = fleet.plan(DESIRED)
    warning = (
        "CloudTrail cannot be read, so edges that others changed are found only in their turn: AccessDeniedException; "
        "allow cloudtrail:LookupEvents"
    )
    assert (plan.edges.warnings, fleet.list_edge_reads()) == ((warning,), [])


def test_a_destroyed_cache_is_made_again(fleet):
    cache = fleet.open_cache()
    cache.close()
    cache.path.write_bytes(b"not a database" * 100)
    assert plan_and_list_reads(fleet) == ("edges: 4 read now, 0 remembered (limit 7 d)", ALL)
    assert plan_and_list_reads(fleet)[1] == []


def test_the_readings_of_another_account_are_not_used(fleet, monkeypatch):
    other = fleet.open_cache()
    other.close()
    content = other.path.read_bytes()
    monkeypatch.setattr("tests.support.remembered_fleets.WORKSPACE", "other")
    cache = fleet.open_cache()
    cache.close()
    cache.path.write_bytes(content)
    cache = fleet.open_cache()
    assert list(cache.iterate_things()) == []
    cache.close()


def test_the_cache_is_readable_by_its_owner_only(fleet):
    cache = fleet.open_cache()
    cache.close()
    assert oct(cache.path.stat().st_mode & 0o777) == "0o600"


def test_an_event_of_a_thing_that_left_the_file_still_counts_when_it_returns(fleet):
    shorter = make_fleet({name: (name,) for name in NAMES if name != "d"})
    known = fleet.list_events()
    detach(fleet, "d", "d")
    assert fleet.list_events() - known
    fleet.clock.advance(HOUR)
    plan = fleet.plan(shorter, allow_cascade=True, limit_overrides={})
    assert plan
    fleet.clock.advance(3 * HOUR)
    fleet.sent.clear()
    plan = fleet.plan(DESIRED)
    assert [str(step.address) for step in plan.steps] == ["things.d"]


@pytest.mark.parametrize("hours", [2, 30])
def test_the_edges_of_a_fleet_are_the_same_whether_they_were_read_or_remembered(fleet, hours):
    fleet.clock.advance(hours * HOUR)
    whole_plan, part = fleet.plan(DESIRED, read="all"), fleet.plan(DESIRED)
    assert (whole_plan.digest, whole_plan.unchanged) == (part.digest, part.unchanged)
    assert datetime.timedelta(seconds=part.edges.oldest_seconds) == datetime.timedelta(hours=hours + 1)


def test_a_cache_with_other_tables_is_deleted_and_made_again(fleet):
    cache = fleet.open_cache()
    with sqlite3.connect(cache.path) as connection:
        connection.execute("ALTER TABLE readings RENAME COLUMN version TO number")
    connection.close()
    cache.close()
    (warning,) = fleet.plan(DESIRED).edges.warnings
    assert warning.endswith("cannot be used: no such column: version; all edges are read")
    assert (fleet.list_edge_reads(), plan_and_list_reads(fleet)[1], plan_and_list_reads(fleet)[1]) == (
        ALL,
        ALL,
        [],
    )


def test_an_edge_that_only_the_listing_of_a_certificate_shows_is_read(fleet):
    spare = make_resource("certificates", "e", Certificate(Pem.parse(PEMS["e"]), ca="alpha"))
    desired = make_state(*DESIRED.resources.values(), spare)
    fleet.cloud.iot.register_certificate(
        certificatePem=PEMS["e"], caCertificatePem=AUTHORITIES["alpha"].pem, status="ACTIVE"
    )
    known = fleet.list_events()
    attach(fleet, "a", "e")
    lose_events(fleet, known)
    plan = fleet.plan(desired)
    assert (fleet.list_edge_reads(), "things.a" in [str(step.address) for step in plan.steps]) == (
        ["a"],
        True,
    )


def test_the_certificates_are_listed_once_for_their_own_read_and_the_remembered_edges(fleet):
    assert not fleet.plan(DESIRED)
    assert [call.params for call in fleet.sent if call.operation == "ListCertificates"] == [{}]


def test_the_listing_of_the_certificates_is_not_kept_if_the_file_declares_none(fleet):
    desired = make_state(make_resource("things", "a", Thing(certificates=(External(IDS["a"]),))))
    remembered = fleet.remember(desired, fleet.open_cache())
    with ThreadPoolExecutor() as executor:
        remembered.begin_pass(executor)
    remembered.recall([ApiCall("iot", "ListThingPrincipalsV2", {"thingName": "a"})])
    assert [call.operation for call in fleet.sent].count("ListCertificates") == 1
    assert remembered.recall([ApiCall("iot", "ListCertificates")]) == [None]
    remembered.cache.close()


def test_the_certificates_are_listed_while_the_things_are_listed(fleet, monkeypatch):
    things = [make_resource("things", name, Thing(certificates=(External(IDS[name]),))) for name in NAMES]
    certificates_are_requested = threading.Event()
    send = RememberedFleet.call

    def call(self, request):
        if request.operation == "ListCertificates":
            certificates_are_requested.set()
        if request.operation == "ListThings":
            assert certificates_are_requested.wait(TIMEOUT_SECONDS)
        return send(self, request)

    monkeypatch.setattr(RememberedFleet, "call", call)
    summary, reads = plan_and_list_reads(fleet, make_state(*things))
    assert (summary, reads) == ("edges: 0 read now, 4 remembered, oldest 1 h (limit 7 d)", [])
