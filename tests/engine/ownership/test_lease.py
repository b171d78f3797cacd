"""One writer at a time, whatever the clocks say and however the holder ends."""

from __future__ import annotations

import datetime
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from attrs import evolve

from reconciler.engine.ownership.lease import (
    LEASE_SECONDS,
    force_unlock,
    hold_lease,
    lease_holder,
    release_stale_lease,
)
from reconciler.engine.ownership.process import this_process
from reconciler.model.errors import LeaseLostError, LockedError, PlanRejectedError, TargetError
from reconciler.model.run import ProcessIdentity
from reconciler.registry import Registry
from tests.support.desired_states import ca, converge, device, failures, plan_of, run, state
from tests.support.registry_client import SETTINGS, Cloud

ELSEWHERE = ProcessIdentity("ada", "build-7", 4711, started_at=1.5)
GROUP = "reconciler-ws"
PARTIAL_APPLY = (
    "an apply by ada@build-7 (process 4711) has been running since 2026-03-01T00:00:00Z; this plan may show a partial "
    "apply; plan again when it is done"
)
PARTS = {"holder", "process", "since", "until"}


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def date(self) -> datetime.datetime:
        return datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=self.now)

    def registrys(self) -> float:
        return self.date().timestamp()


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def cloud(time):
    """A registry whose clock is `time`'s."""
    cloud = Cloud()
    cloud.registry = Registry(":memory:", evolve(SETTINGS, clock=time.registrys))
    return cloud


def attributes(cloud):
    group = cloud.iot.describe_thing_group(thingGroupName=GROUP)
    return group["thingGroupProperties"].get("attributePayload", {}).get("attributes", {})


def test_the_lease_is_in_the_groups_attributes_while_it_is_held_and_nothing_of_it_afterwards(cloud, time):
    with hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time):
        held = lease_holder("ws", cloud.call)
        assert attributes(cloud).keys() == {f"reconciler:lease-{part}" for part in PARTS}
        assert (held.process, held.since, held.until - held.since) == (
            ELSEWHERE,
            time.date(),
            datetime.timedelta(seconds=LEASE_SECONDS),
        )
    assert (lease_holder("ws", cloud.call), attributes(cloud)) == (None, {})


def test_a_second_writer_is_told_who_holds_the_lease_since_when_and_until_when(cloud, time):
    with hold_lease("ws", cloud.call, this_process({}), clock=time) as guard:
        with (
            pytest.raises(LockedError) as locked,
            hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time),
        ):
            pass
        guard()
    me = this_process({})
    assert str(locked.value) == (
        "the plan is refused; nothing was sent\n"
        f"the workspace is locked by {me} (process {me.pid}) since 2026-03-01T00:00:00Z; its lease ends at "
        "2026-03-01T00:01:00Z unless it is renewed; if nobody is applying any more, `reconciler unlock` breaks it"
    )


def test_other_workspaces_have_leases_of_their_own(cloud, time):
    with (
        hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time),
        hold_lease("other", cloud.call, ELSEWHERE, machine="another", clock=time) as guard,
    ):
        guard()


def test_whatever_ends_the_holder_gives_the_lease_back(cloud, time):
    with pytest.raises(KeyError), hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time):
        raise KeyError
    assert lease_holder("ws", cloud.call) is None


def crashed(cloud, who, machine, monkeypatch, time):
    """A lease whose holder came to no end at all."""
    with monkeypatch.context() as patch:
        patch.setattr("reconciler.engine.ownership.lease._Lease.release", lambda self: None)
        with hold_lease("ws", cloud.call, who, machine=machine, clock=time):
            pass


def test_the_lease_of_a_crash_elsewhere_runs_out_by_the_registrys_clock(cloud, time, monkeypatch):
    crashed(cloud, ELSEWHERE, "another", monkeypatch, time)
    time.now = LEASE_SECONDS - 1
    with pytest.raises(LockedError), hold_lease("ws", cloud.call, this_process({}), clock=time):
        pass
    time.now = LEASE_SECONDS
    with hold_lease("ws", cloud.call, this_process({}), clock=time) as guard:
        guard()


def test_the_lease_of_a_process_of_this_machine_that_has_died_holds_nobody_up(cloud, time, monkeypatch):
    crashed(cloud, evolve(this_process({}), started_at=1.0), None, monkeypatch, time)
    with hold_lease("ws", cloud.call, this_process({}), clock=time) as guard:
        guard()


def test_what_a_dead_holder_left_is_cleared_away_and_what_else_the_group_has_stays(cloud, time, monkeypatch):
    crashed(cloud, evolve(this_process({}), started_at=1.0), None, monkeypatch, time)
    given = {"attributes": {"site": "oslo"}, "merge": True}
    cloud.iot.update_thing_group(thingGroupName=GROUP, thingGroupProperties={"attributePayload": given})
    release_stale_lease("ws", cloud.call)
    assert attributes(cloud) == {"site": "oslo"}


def test_the_lease_of_one_who_may_be_alive_is_not_cleared_away(cloud, time, monkeypatch):
    crashed(cloud, ELSEWHERE, "another", monkeypatch, time)
    release_stale_lease("ws", cloud.call)
    assert lease_holder("ws", cloud.call).process == ELSEWHERE


def test_unlock_breaks_the_lease_and_the_holder_writes_no_more(cloud, time):
    with hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time) as guard:
        assert force_unlock("ws", cloud.call).process == ELSEWHERE
        assert force_unlock("ws", cloud.call) is None
        with hold_lease("ws", cloud.call, this_process({}), clock=time) as other:
            other()
            time.now = LEASE_SECONDS  # by now the first has asked the registry, or knows that it should have
            with pytest.raises(LeaseLostError):
                guard()


def test_a_lease_that_cannot_be_renewed_stops_its_holder_before_it_runs_out(cloud, time):
    with hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time) as guard:
        time.now = LEASE_SECONDS * 0.8
        guard()
        time.now += 1
        with pytest.raises(LeaseLostError, match="could not be renewed in time"):
            guard()


def test_a_lease_is_renewed_for_as_long_as_it_is_held(cloud):
    """In real time, as the thread that renews it waits in real time."""
    writes = threading.Semaphore(0)

    def call(asked):
        answer = cloud.call(asked)
        if asked.operation == "UpdateThingGroup":
            writes.release()
        return answer

    cloud.empty()
    with hold_lease("ws", call, ELSEWHERE, machine="another", seconds=0.4) as guard:
        assert all(writes.acquire(timeout=30) for _ in range(6))
        guard()


def test_what_else_the_group_has_is_left_as_it_is(cloud, time):
    with hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time):
        pass
    said = {"attributePayload": {"attributes": {"team": "water"}, "merge": True}}
    cloud.iot.update_thing_group(thingGroupName=GROUP, thingGroupProperties=said)
    with hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time):
        assert attributes(cloud)["team"] == "water"
    assert attributes(cloud) == {"team": "water"}


def test_of_many_who_reach_for_it_at_once_one_gets_it(cloud, time):
    start, tried = threading.Barrier(8), threading.Barrier(8)

    def reach(number):
        start.wait()
        try:
            with hold_lease("ws", cloud.call, evolve(ELSEWHERE, pid=number), machine="another", clock=time):
                tried.wait()
        except LockedError:
            tried.wait()
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(reach, range(8))) == [False] * 7 + [True]


def test_a_lease_that_nobody_can_read_holds_nobody_up(cloud, time):
    with hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time):
        pass
    said = {"attributePayload": {"attributes": {"reconciler:lease-process": "x"}, "merge": True}}
    cloud.iot.update_thing_group(thingGroupName=GROUP, thingGroupProperties=said)
    assert lease_holder("ws", cloud.call) is None
    with hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time) as guard:
        guard()


def test_a_live_holder_of_this_machine_keeps_it_whatever_its_user_and_host_are_called(cloud, time):
    me = evolve(this_process({}), user="ada@corp.example")
    with (
        hold_lease("ws", cloud.call, me, clock=time) as guard,
        pytest.raises(LockedError, match=r"ada@corp\.example@"),
        hold_lease("ws", cloud.call, this_process({}), clock=time),
    ):
        pass
    with hold_lease("ws", cloud.call, evolve(me, host="host äöü"), clock=time) as guard:
        assert lease_holder("ws", cloud.call).process.host == "host____"
        guard()


def test_a_lease_whose_answer_was_lost_is_given_back(cloud, time):
    def call(asked):
        answer = cloud.call(asked)
        if asked.operation == "UpdateThingGroup" and not lost:
            lost.append(asked)
            raise TargetError("no answer")
        return answer

    lost: list[object] = []
    with pytest.raises(TargetError), hold_lease("ws", call, this_process({}), clock=time):
        pass
    assert (lease_holder("ws", cloud.call), attributes(cloud)) == (None, {})


def test_a_registry_that_cannot_be_reached_at_the_end_is_no_new_error(cloud, time):
    reachable = threading.Event()
    reachable.set()

    def call(asked):
        if not reachable.is_set():
            raise TargetError("no route")
        return cloud.call(asked)

    with hold_lease("ws", call, ELSEWHERE, machine="another", clock=time):
        reachable.clear()


class TestApplying:
    def test_the_lease_changes_nothing_that_a_plan_would_show(self):
        cloud = Cloud()
        wanted = state(ca(), *device("a"))
        plan = plan_of(wanted, cloud)
        with hold_lease("ws", cloud.call, ELSEWHERE, machine="another") as guard:
            assert failures(run(plan, cloud, guard=guard)) == []
            assert plan_of(wanted, cloud).steps == ()
        assert plan_of(wanted, cloud).steps == ()

    def test_the_group_goes_last_and_takes_the_lease_with_it(self):
        cloud = Cloud()
        converge(state(ca(), *device("a")), cloud)
        plan = plan_of(state(), cloud)
        with hold_lease("ws", cloud.call, ELSEWHERE, machine="another") as guard:
            assert failures(run(plan, cloud, guard=guard)) == []
        assert str(plan.steps[-1].address) == f"thing_groups.{GROUP}"
        assert cloud.content()["thing_groups"] == {}

    def test_losing_the_lease_in_the_middle_stops_before_the_next_write(self):
        cloud = Cloud()
        plan = plan_of(state(ca(), *device("a"), *device("b")), cloud)
        allowed = iter([None] * 3)
        written = []

        def guard():
            if next(allowed, "lost"):
                raise LeaseLostError("lost")

        def call(asked):
            if not asked.operation.startswith(("List", "Describe", "Get")):
                written.append(asked.operation)
            return cloud.call(asked)

        cloud_with = type("Cloud", (), {"call": staticmethod(call)})
        outcomes = run(plan, cloud_with, guard=guard, workers=1)
        ended = [outcome for outcome in outcomes if outcome.status != "started"]
        assert len(written) <= 3
        assert len(ended) == len(plan.steps)
        assert {outcome.status for outcome in ended} <= {"applied", "failed", "skipped", "cancelled"}
        assert sum(outcome.status == "failed" for outcome in ended) == 1


def test_a_plan_made_while_somebody_applies_says_so(cloud, time):
    desired = state(ca(), *device("pump"))
    before = plan_of(desired, cloud)
    with hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time):
        meanwhile = plan_of(desired, cloud)
    told = {note.text for note in meanwhile.notes} - {note.text for note in before.notes}
    assert told == {PARTIAL_APPLY}
    assert meanwhile.digest == plan_of(desired, cloud).digest


def test_a_plan_refused_for_what_somebody_is_just_making_says_who(cloud, time):
    desired = state(ca(), *device("pump"))
    cloud.iot.create_thing(thingName="pump", attributePayload={"attributes": {"site": "elsewhere"}})
    with (
        hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time),
        pytest.raises(PlanRejectedError) as refused,
    ):
        plan_of(desired, cloud)
    *_, last = refused.value.reasons
    assert last == PARTIAL_APPLY
