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
from tests.support.desired_states import apply, ca, converge, device, failures, plan_of, state
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


def test_the_lease_is_in_the_groups_attributes_only_while_it_is_held(cloud, time):
    with hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time):
        held = lease_holder("ws", cloud.call)
        assert attributes(cloud).keys() == {f"reconciler:lease-{part}" for part in PARTS}
        assert (held.process, held.since, held.until - held.since) == (
            ELSEWHERE,
            time.date(),
            datetime.timedelta(seconds=LEASE_SECONDS),
        )
    assert (lease_holder("ws", cloud.call), attributes(cloud)) == (None, {})


def test_a_second_writer_gets_the_holder_and_the_times_of_the_lease(cloud, time):
    with hold_lease("ws", cloud.call, this_process({}), clock=time) as guard:
        with (
            pytest.raises(LockedError) as locked,
            hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time),
        ):
            pass
        guard()
    me = this_process({})
    assert str(locked.value) == (
        "the plan is rejected; nothing was sent\n"
        f"the workspace is locked by {me} (process {me.pid}) since 2026-03-01T00:00:00Z; the lease expires at "
        "2026-03-01T00:01:00Z unless it is renewed; if that apply is no longer running, release the lock with `reconciler unlock`"
    )


def test_each_workspace_has_its_own_lease(cloud, time):
    with (
        hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time),
        hold_lease("other", cloud.call, ELSEWHERE, machine="another", clock=time) as guard,
    ):
        guard()


def test_the_lease_is_released_after_every_kind_of_exception(cloud, time):
    with pytest.raises(KeyError), hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time):
        raise KeyError
    assert lease_holder("ws", cloud.call) is None


def crashed(cloud, who, machine, monkeypatch, time):
    """A lease whose holder came to no end at all."""
    with monkeypatch.context() as patch:
        patch.setattr("reconciler.engine.ownership.lease._Lease.release", lambda self: None)
        with hold_lease("ws", cloud.call, who, machine=machine, clock=time):
            pass


def test_the_lease_of_a_crashed_remote_holder_expires_by_the_registrys_clock(cloud, time, monkeypatch):
    crashed(cloud, ELSEWHERE, "another", monkeypatch, time)
    time.now = LEASE_SECONDS - 1
    with pytest.raises(LockedError), hold_lease("ws", cloud.call, this_process({}), clock=time):
        pass
    time.now = LEASE_SECONDS
    with hold_lease("ws", cloud.call, this_process({}), clock=time) as guard:
        guard()


def test_the_lease_of_a_dead_local_process_blocks_no_one(cloud, time, monkeypatch):
    crashed(cloud, evolve(this_process({}), started_at=1.0), None, monkeypatch, time)
    with hold_lease("ws", cloud.call, this_process({}), clock=time) as guard:
        guard()


def test_a_dead_holders_lease_is_released_and_other_attributes_stay(cloud, time, monkeypatch):
    crashed(cloud, evolve(this_process({}), started_at=1.0), None, monkeypatch, time)
    payload = {"attributes": {"site": "oslo"}, "merge": True}
    cloud.iot.update_thing_group(thingGroupName=GROUP, thingGroupProperties={"attributePayload": payload})
    release_stale_lease("ws", cloud.call)
    assert attributes(cloud) == {"site": "oslo"}


def test_the_lease_of_a_holder_that_may_be_alive_is_not_released(cloud, time, monkeypatch):
    crashed(cloud, ELSEWHERE, "another", monkeypatch, time)
    release_stale_lease("ws", cloud.call)
    assert lease_holder("ws", cloud.call).process == ELSEWHERE


def test_force_unlock_releases_the_lease_and_stops_the_holders_writes(cloud, time):
    with hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time) as guard:
        assert force_unlock("ws", cloud.call).process == ELSEWHERE
        assert force_unlock("ws", cloud.call) is None
        with hold_lease("ws", cloud.call, this_process({}), clock=time) as other:
            other()
            time.now = (
                LEASE_SECONDS  # by now the first has request the registry, or knows that it should have
            )
            with pytest.raises(LeaseLostError):
                guard()


def test_a_lease_that_cannot_be_renewed_stops_its_holder_before_it_expires(cloud, time):
    with hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time) as guard:
        time.now = LEASE_SECONDS * 0.8
        guard()
        time.now += 1
        with pytest.raises(LeaseLostError, match="could not be renewed in time"):
            guard()


def test_a_lease_is_renewed_while_it_is_held(cloud):
    """In real time, as the thread that renews it waits in real time."""
    writes = threading.Semaphore(0)

    def call(request):
        answer = cloud.call(request)
        if request.operation == "UpdateThingGroup":
            writes.release()
        return answer

    cloud.reset()
    with hold_lease("ws", call, ELSEWHERE, machine="another", seconds=0.4) as guard:
        assert all(writes.acquire(timeout=30) for _ in range(6))
        guard()


def test_the_lease_keeps_the_groups_other_attributes(cloud, time):
    with hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time):
        pass
    properties = {"attributePayload": {"attributes": {"team": "water"}, "merge": True}}
    cloud.iot.update_thing_group(thingGroupName=GROUP, thingGroupProperties=properties)
    with hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time):
        assert attributes(cloud)["team"] == "water"
    assert attributes(cloud) == {"team": "water"}


def test_only_one_of_many_concurrent_writers_acquires_the_lease(cloud, time):
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


def test_an_unreadable_lease_blocks_no_one(cloud, time):
    with hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time):
        pass
    properties = {"attributePayload": {"attributes": {"reconciler:lease-process": "x"}, "merge": True}}
    cloud.iot.update_thing_group(thingGroupName=GROUP, thingGroupProperties=properties)
    assert lease_holder("ws", cloud.call) is None
    with hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time) as guard:
        guard()


def test_a_live_local_holder_keeps_the_lease_with_any_user_and_host_name(cloud, time):
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


def test_a_lease_whose_response_was_lost_is_released(cloud, time):
    def call(request):
        answer = cloud.call(request)
        if request.operation == "UpdateThingGroup" and not lost:
            lost.append(request)
            raise TargetError("no answer")
        return answer

    lost: list[object] = []
    with pytest.raises(TargetError), hold_lease("ws", call, this_process({}), clock=time):
        pass
    assert (lease_holder("ws", cloud.call), attributes(cloud)) == (None, {})


def test_an_unreachable_registry_at_release_raises_no_error(cloud, time):
    reachable = threading.Event()
    reachable.set()

    def call(request):
        if not reachable.is_set():
            raise TargetError("no route")
        return cloud.call(request)

    with hold_lease("ws", call, ELSEWHERE, machine="another", clock=time):
        reachable.clear()


class TestApplying:
    def test_the_lease_does_not_appear_in_a_plan(self):
        cloud = Cloud()
        wanted = state(ca(), *device("a"))
        plan = plan_of(wanted, cloud)
        with hold_lease("ws", cloud.call, ELSEWHERE, machine="another") as guard:
            assert failures(apply(plan, cloud, guard=guard)) == []
            assert plan_of(wanted, cloud).steps == ()
        assert plan_of(wanted, cloud).steps == ()

    def test_the_group_is_deleted_last_together_with_the_lease(self):
        cloud = Cloud()
        converge(state(ca(), *device("a")), cloud)
        plan = plan_of(state(), cloud)
        with hold_lease("ws", cloud.call, ELSEWHERE, machine="another") as guard:
            assert failures(apply(plan, cloud, guard=guard)) == []
        assert str(plan.steps[-1].address) == f"thing_groups.{GROUP}"
        assert cloud.content()["thing_groups"] == {}

    def test_losing_the_lease_stops_the_apply_before_the_next_write(self):
        cloud = Cloud()
        plan = plan_of(state(ca(), *device("a"), *device("b")), cloud)
        allowed = iter([None] * 3)
        written = []

        def guard():
            if next(allowed, "lost"):
                raise LeaseLostError("lost")

        def call(request):
            if not request.operation.startswith(("List", "Describe", "Get")):
                written.append(request.operation)
            return cloud.call(request)

        cloud_with = type("Cloud", (), {"call": staticmethod(call)})
        outcomes = apply(plan, cloud_with, guard=guard, workers=1)
        ended = [outcome for outcome in outcomes if outcome.status != "started"]
        assert len(written) <= 3
        assert len(ended) == len(plan.steps)
        assert {outcome.status for outcome in ended} <= {"applied", "failed", "skipped", "cancelled"}
        assert sum(outcome.status == "failed" for outcome in ended) == 1


def test_a_plan_made_during_an_apply_warns_of_it(cloud, time):
    desired = state(ca(), *device("pump"))
    before = plan_of(desired, cloud)
    with hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time):
        meanwhile = plan_of(desired, cloud)
    warnings = {note.text for note in meanwhile.notes} - {note.text for note in before.notes}
    assert warnings == {PARTIAL_APPLY}
    assert meanwhile.digest == plan_of(desired, cloud).digest


def test_a_plan_rejected_during_an_apply_names_the_lease_holder(cloud, time):
    desired = state(ca(), *device("pump"))
    cloud.iot.create_thing(thingName="pump", attributePayload={"attributes": {"site": "elsewhere"}})
    with (
        hold_lease("ws", cloud.call, ELSEWHERE, machine="another", clock=time),
        pytest.raises(PlanRejectedError) as refused,
    ):
        plan_of(desired, cloud)
    *_, last = refused.value.reasons
    assert last == PARTIAL_APPLY
