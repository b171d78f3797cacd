"""Only one process at a time writes to a workspace, even if clocks differ or a process crashes.

`hold_lease` yields a function, `guard` in these tests, which raises LeaseLostError once the lease is lost.
"""

from __future__ import annotations

import datetime
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from attrs import evolve

from reconciler.engine.ownership.lease import (
    LEASE_SECONDS,
    find_lease_holder,
    force_unlock,
    hold_lease,
    release_stale_lease,
)
from reconciler.engine.ownership.process import identify_this_process
from reconciler.model.errors import LeaseLostError, LockedError, PlanRejectedError, TargetError
from reconciler.model.run import ProcessIdentity
from reconciler.registry import Registry
from tests.support.desired_states import (
    apply,
    converge,
    list_failures,
    make_ca,
    make_device,
    make_state,
    plan_state,
)
from tests.support.registry_client import SETTINGS, Cloud

REMOTE_PROCESS = ProcessIdentity("ada", "build-7", 4711, started_at=1.5)
GROUP = "reconciler-ws"
PARTIAL_APPLY = (
    "an apply by ada@build-7 (process 4711) has been running since 2026-03-01 00:00:00 UTC; this plan may show a partial "
    "apply; plan again when it is done"
)
LEASE_ATTRIBUTE_SUFFIXES = {"holder", "process", "since", "until"}


class Time:
    """A clock that moves only when a test sets `now`, in seconds since 2026-03-01."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def to_date(self) -> datetime.datetime:
        return datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=self.now)

    def to_timestamp(self) -> float:
        return self.to_date().timestamp()


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def cloud(time):
    """Return a registry with the clock `time`."""
    cloud = Cloud()
    cloud.registry = Registry(":memory:", evolve(SETTINGS, clock=time.to_timestamp))
    return cloud


def read_attributes(cloud):
    """Return the attributes of the workspace's group."""
    group = cloud.iot.describe_thing_group(thingGroupName=GROUP)
    return group["thingGroupProperties"].get("attributePayload", {}).get("attributes", {})


def test_the_lease_is_in_the_groups_attributes_only_while_it_is_held(cloud, time):
    with hold_lease("ws", cloud.call, REMOTE_PROCESS, machine="another", clock=time):
        holder = find_lease_holder("ws", cloud.call)
        assert read_attributes(cloud).keys() == {
            f"reconciler:lease-{suffix}" for suffix in LEASE_ATTRIBUTE_SUFFIXES
        }
        assert (holder.process, holder.since, holder.until - holder.since) == (
            REMOTE_PROCESS,
            time.to_date(),
            datetime.timedelta(seconds=LEASE_SECONDS),
        )
    assert (find_lease_holder("ws", cloud.call), read_attributes(cloud)) == (None, {})


def test_the_error_of_a_second_writer_names_the_holder_and_the_times_of_the_lease(cloud, time):
    with hold_lease("ws", cloud.call, identify_this_process({}), clock=time) as guard:
        with (
            pytest.raises(LockedError) as locked,
            hold_lease("ws", cloud.call, REMOTE_PROCESS, machine="another", clock=time),
        ):
            pass
        guard()
    holder = identify_this_process({})
    assert str(locked.value) == (
        "the plan is rejected; nothing was sent\n"
        f"the workspace is locked by {holder} (process {holder.pid}) since 2026-03-01 00:00:00 UTC; the lease expires at "
        "2026-03-01 00:01:00 UTC unless it is renewed; if that apply is no longer running, release the lock with `reconciler unlock`"
    )


def test_each_workspace_has_its_own_lease(cloud, time):
    with (
        hold_lease("ws", cloud.call, REMOTE_PROCESS, machine="another", clock=time),
        hold_lease("other", cloud.call, REMOTE_PROCESS, machine="another", clock=time) as guard,
    ):
        guard()


def test_the_lease_is_released_after_an_exception(cloud, time):
    with pytest.raises(KeyError), hold_lease("ws", cloud.call, REMOTE_PROCESS, machine="another", clock=time):
        raise KeyError
    assert find_lease_holder("ws", cloud.call) is None


def leave_lease(cloud, process, machine, monkeypatch, time):
    """Leave the lease of a process that crashed; `machine` is the ID of its machine, or None for this one."""
    with monkeypatch.context() as patch:
        patch.setattr("reconciler.engine.ownership.lease._Lease.release", lambda self: None)
        with hold_lease("ws", cloud.call, process, machine=machine, clock=time):
            pass


def make_dead_local_process():
    """Return a process of this machine that no longer runs.

    Its ID is now that of the current process, which started at another time.
    """
    return evolve(identify_this_process({}), started_at=1.0)


def test_the_lease_of_a_crashed_remote_holder_expires_by_the_registrys_clock(cloud, time, monkeypatch):
    leave_lease(cloud, REMOTE_PROCESS, "another", monkeypatch, time)
    time.now = LEASE_SECONDS - 1
    with pytest.raises(LockedError), hold_lease("ws", cloud.call, identify_this_process({}), clock=time):
        pass
    time.now = LEASE_SECONDS
    with hold_lease("ws", cloud.call, identify_this_process({}), clock=time) as guard:
        guard()


def test_the_lease_of_a_dead_local_process_blocks_no_one(cloud, time, monkeypatch):
    leave_lease(cloud, make_dead_local_process(), None, monkeypatch, time)
    with hold_lease("ws", cloud.call, identify_this_process({}), clock=time) as guard:
        guard()


def test_a_dead_holders_lease_is_released_and_other_attributes_stay(cloud, time, monkeypatch):
    leave_lease(cloud, make_dead_local_process(), None, monkeypatch, time)
    payload = {"attributes": {"site": "oslo"}, "merge": True}
    cloud.iot.update_thing_group(thingGroupName=GROUP, thingGroupProperties={"attributePayload": payload})
    release_stale_lease("ws", cloud.call)
    assert read_attributes(cloud) == {"site": "oslo"}


def test_the_lease_of_a_holder_that_may_be_alive_is_not_released(cloud, time, monkeypatch):
    leave_lease(cloud, REMOTE_PROCESS, "another", monkeypatch, time)
    release_stale_lease("ws", cloud.call)
    assert find_lease_holder("ws", cloud.call).process == REMOTE_PROCESS


def test_force_unlock_releases_the_lease_and_stops_the_holders_writes(cloud, time):
    with hold_lease("ws", cloud.call, REMOTE_PROCESS, machine="another", clock=time) as guard:
        assert force_unlock("ws", cloud.call).process == REMOTE_PROCESS
        assert force_unlock("ws", cloud.call) is None
        with hold_lease("ws", cloud.call, identify_this_process({}), clock=time) as other_guard:
            other_guard()
            # The first holder stops writing no later than its lease would have expired.
            time.now = LEASE_SECONDS
            with pytest.raises(LeaseLostError):
                guard()


def test_a_holder_that_cannot_renew_its_lease_stops_before_the_lease_expires(cloud, time):
    with hold_lease("ws", cloud.call, REMOTE_PROCESS, machine="another", clock=time) as guard:
        # The lease is not renewed here: the thread that renews it waits in real time. Writes stop at 80 % of the lease.
        time.now = LEASE_SECONDS * 0.8
        guard()
        time.now += 1
        with pytest.raises(LeaseLostError, match="could not be renewed in time"):
            guard()


def test_a_lease_is_renewed_while_it_is_held(cloud):
    """The thread that renews the lease waits in real time, so this test does, too."""
    writes = threading.Semaphore(0)

    def call(request):
        response = cloud.call(request)
        if request.operation == "UpdateThingGroup":
            writes.release()
        return response

    cloud.reset()  # so that the registry has the real clock, too
    with hold_lease("ws", call, REMOTE_PROCESS, machine="another", seconds=0.4) as guard:
        # The first write acquires the lease, and the next five renew it.
        assert all(writes.acquire(timeout=30) for _ in range(6))
        guard()


def test_the_lease_keeps_the_groups_other_attributes(cloud, time):
    with hold_lease("ws", cloud.call, REMOTE_PROCESS, machine="another", clock=time):
        pass
    properties = {"attributePayload": {"attributes": {"team": "water"}, "merge": True}}
    cloud.iot.update_thing_group(thingGroupName=GROUP, thingGroupProperties=properties)
    with hold_lease("ws", cloud.call, REMOTE_PROCESS, machine="another", clock=time):
        assert read_attributes(cloud)["team"] == "water"
    assert read_attributes(cloud) == {"team": "water"}


def test_only_one_of_many_concurrent_writers_acquires_the_lease(cloud, time):
    all_are_ready, all_have_tried = threading.Barrier(8), threading.Barrier(8)

    def try_to_acquire(number):
        all_are_ready.wait()
        try:
            with hold_lease(
                "ws", cloud.call, evolve(REMOTE_PROCESS, pid=number), machine="another", clock=time
            ):
                all_have_tried.wait()
        except LockedError:
            all_have_tried.wait()
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(try_to_acquire, range(8))) == [False] * 7 + [True]


def test_an_unreadable_lease_blocks_no_one(cloud, time):
    with hold_lease("ws", cloud.call, REMOTE_PROCESS, machine="another", clock=time):
        pass
    properties = {"attributePayload": {"attributes": {"reconciler:lease-process": "x"}, "merge": True}}
    cloud.iot.update_thing_group(thingGroupName=GROUP, thingGroupProperties=properties)
    assert find_lease_holder("ws", cloud.call) is None
    with hold_lease("ws", cloud.call, REMOTE_PROCESS, machine="another", clock=time) as guard:
        guard()


def test_a_running_local_holder_keeps_the_lease_with_any_user_and_host_names(cloud, time):
    holder = evolve(identify_this_process({}), user="ada@corp.example")
    with (
        hold_lease("ws", cloud.call, holder, clock=time) as guard,
        pytest.raises(LockedError, match=r"ada@corp\.example@"),
        hold_lease("ws", cloud.call, identify_this_process({}), clock=time),
    ):
        pass
    # AWS allows neither a space nor these letters in an attribute, so the stored host name differs from the real one.
    with hold_lease("ws", cloud.call, evolve(holder, host="host äöü"), clock=time) as guard:
        assert find_lease_holder("ws", cloud.call).process.host == "host____"
        guard()


def test_a_lease_is_released_even_if_the_response_to_acquiring_it_was_lost(cloud, time):
    def call(request):
        response = cloud.call(request)
        if request.operation == "UpdateThingGroup" and not lost_requests:
            lost_requests.append(request)
            raise TargetError("no answer")
        return response

    lost_requests: list[object] = []
    with pytest.raises(TargetError), hold_lease("ws", call, identify_this_process({}), clock=time):
        pass
    assert (find_lease_holder("ws", cloud.call), read_attributes(cloud)) == (None, {})


def test_an_unreachable_registry_at_release_raises_no_error(cloud, time):
    reachable = threading.Event()
    reachable.set()

    def call(request):
        if not reachable.is_set():
            raise TargetError("no route")
        return cloud.call(request)

    with hold_lease("ws", call, REMOTE_PROCESS, machine="another", clock=time):
        reachable.clear()


class TestApplying:
    def test_the_lease_does_not_appear_in_a_plan(self):
        cloud = Cloud()
        desired = make_state(make_ca(), *make_device("a"))
        plan = plan_state(desired, cloud)
        with hold_lease("ws", cloud.call, REMOTE_PROCESS, machine="another") as guard:
            assert list_failures(apply(plan, cloud, guard=guard)) == []
            assert plan_state(desired, cloud).steps == ()
        assert plan_state(desired, cloud).steps == ()

    def test_the_group_is_deleted_last_together_with_the_lease(self):
        cloud = Cloud()
        converge(make_state(make_ca(), *make_device("a")), cloud)
        plan = plan_state(make_state(), cloud)
        with hold_lease("ws", cloud.call, REMOTE_PROCESS, machine="another") as guard:
            assert list_failures(apply(plan, cloud, guard=guard)) == []
        assert str(plan.steps[-1].address) == f"thing_groups.{GROUP}"
        assert cloud.read_content()["thing_groups"] == {}

    def test_losing_the_lease_stops_the_apply_before_the_next_write(self):
        cloud = Cloud()
        plan = plan_state(make_state(make_ca(), *make_device("a"), *make_device("b")), cloud)
        checks_before_loss = iter(range(3))
        writes = []

        def guard():
            if next(checks_before_loss, None) is None:
                raise LeaseLostError("lost")

        def call(request):
            if not request.operation.startswith(("List", "Describe", "Get")):
                writes.append(request.operation)
            return cloud.call(request)

        outcomes = apply(plan, SimpleNamespace(call=call), guard=guard, workers=1)
        final_outcomes = [outcome for outcome in outcomes if outcome.status != "started"]
        assert len(writes) <= 3
        assert len(final_outcomes) == len(plan.steps)
        assert {outcome.status for outcome in final_outcomes} <= {"applied", "failed", "skipped", "canceled"}
        assert sum(outcome.status == "failed" for outcome in final_outcomes) == 1


def test_a_plan_made_during_an_apply_has_a_warning_and_the_same_digest(cloud, time):
    desired = make_state(make_ca(), *make_device("pump"))
    plan_before = plan_state(desired, cloud)
    with hold_lease("ws", cloud.call, REMOTE_PROCESS, machine="another", clock=time):
        concurrent_plan = plan_state(desired, cloud)
    warnings = {note.text for note in concurrent_plan.notes} - {note.text for note in plan_before.notes}
    assert warnings == {PARTIAL_APPLY}
    assert concurrent_plan.digest == plan_state(desired, cloud).digest


def test_a_plan_rejected_during_an_apply_names_the_lease_holder(cloud, time):
    desired = make_state(make_ca(), *make_device("pump"))
    cloud.iot.create_thing(thingName="pump", attributePayload={"attributes": {"site": "elsewhere"}})
    with (
        hold_lease("ws", cloud.call, REMOTE_PROCESS, machine="another", clock=time),
        pytest.raises(PlanRejectedError) as rejected,
    ):
        plan_state(desired, cloud)
    assert rejected.value.reasons[-1] == PARTIAL_APPLY
