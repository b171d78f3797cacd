"""A task applies only the approved plan, or what an interrupted apply has left of it."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest
from attrs import evolve

from reconciler import Workspace
from reconciler.engine.ownership.lease import _Lease, hold_lease
from reconciler.engine.ownership.process import identify_this_process
from reconciler.rollout import Rollout
from reconciler.rollout.messages import TaskEvent
from reconciler.rollout.results import RolloutPlan, RolloutResult
from tests.support.rollouts import read_contents, write_environments


@pytest.fixture(scope="module")
def updated_folder(tmp_path_factory) -> Path:
    """Return a folder whose file was applied, and has a new attribute of every thing since."""
    path = write_environments(tmp_path_factory.mktemp("files"), 1)
    rollout = Rollout(path)
    assert rollout.apply(rollout.plan()).ok
    path.write_text(path.read_text().replace('site = "{var.site}"', 'site = "new-{var.site}"'))
    return path.parent


@pytest.fixture
def rollout(updated_folder, tmp_path) -> Rollout:
    folder = shutil.copytree(updated_folder, tmp_path / "files")
    return Rollout(folder / "desired_state.toml")


@pytest.fixture
def call(rollout):
    return Workspace(rollout.path, environment="site-1").connection.call


def interrupt(call, monkeypatch, digest: str) -> None:
    """Leave a lease with an approved digest, as a process of this machine that has died."""
    process = evolve(identify_this_process({}), started_at=1.0)
    with monkeypatch.context() as patch:
        patch.setattr(_Lease, "release", lambda _lease: None)
        with hold_lease("greenhouse", call, process, approved_digest=digest):
            pass


def plan_update(rollout: Rollout) -> RolloutPlan:
    """Plan the update of the attribute of every thing."""
    plan = rollout.plan()
    assert {step[1:3] for step in plan.responses[0].plan.steps} == {("update", ("attributes.site",))}
    return plan


def complete_first_step(client):
    client.update_thing(thingName="pump-1", attributePayload={"attributes": {"site": "new-site-1"}})


def delete_thing(client):
    client.delete_thing(thingName="pump-1")


def remove_from_group(client):
    client.remove_thing_from_thing_group(thingName="pump-1", thingGroupName="pumps")


def add_attribute(client):
    attributes = {"site": "site-1", "owner": "somebody"}
    client.update_thing(thingName="pump-1", attributePayload={"attributes": attributes})


def change_attribute(client):
    client.update_thing(thingName="pump-1", attributePayload={"attributes": {"site": "elsewhere"}})


CHANGES = [complete_first_step, change_attribute, delete_thing, remove_from_group, add_attribute]


@pytest.mark.parametrize("change", CHANGES)
def test_an_interrupted_apply_is_continued_only_with_what_was_approved(rollout, call, monkeypatch, change):
    plan = plan_update(rollout)
    interrupt(call, monkeypatch, plan.responses[0].plan.digest)
    change(Workspace(rollout.path, environment="site-1").client())
    before = read_contents(rollout.path, 1)["site-1"]["things"]
    (response,) = rollout.apply(plan).responses
    things = read_contents(rollout.path, 1)["site-1"]["things"]
    if change is complete_first_step:
        assert (response.status, response.run.is_continued, response.run.counts) == (
            "applied",
            True,
            {"applied": 1},
        )
        assert {thing["attributes"]["site"] for thing in things.values()} == {"new-site-1"}
    else:
        assert (response.status, things) == ("rejected", before)
        assert response.error.endswith("was approved; plan again")


def test_a_changed_plan_is_rejected_if_no_apply_of_the_approved_one_was_interrupted(
    rollout, call, monkeypatch
):
    plan = plan_update(rollout)
    complete_first_step(Workspace(rollout.path, environment="site-1").client())
    assert rollout.apply(plan).counts == {"rejected": 1}
    interrupt(call, monkeypatch, "0" * 64)  # of another plan
    assert rollout.apply(plan).counts == {"rejected": 1}


def apply_while_locked(rollout, plan, call, digest, **options) -> RolloutResult:
    """Apply while another process holds the lease, which it releases when the apply waits for it."""
    with ExitStack() as lease:
        lease.enter_context(hold_lease("greenhouse", call, identify_this_process({}), approved_digest=digest))

        def release(event):
            if event == TaskEvent("site-1", "waiting"):
                lease.close()

        return rollout.apply(plan, on_event=release, **options)


def test_an_apply_waits_for_one_of_another_process_and_continues(rollout, call):
    plan = plan_update(rollout)
    assert apply_while_locked(rollout, plan, call, "", lock_timeout=60).counts == {"applied": 1}


def test_an_apply_that_may_not_wait_is_rejected_while_another_one_runs(rollout, call):
    plan = plan_update(rollout)
    before = read_contents(rollout.path, 1)["site-1"]["things"]
    with hold_lease("greenhouse", call, identify_this_process({})):
        result = rollout.apply(plan)
    assert result.counts == {"rejected": 1}
    assert read_contents(rollout.path, 1)["site-1"]["things"] == before


def test_an_apply_waits_for_an_earlier_attempt_of_itself_without_a_timeout(rollout, call):
    """Its worker was lost, but runs on: only the connection to it was lost."""
    plan = plan_update(rollout)
    digest = plan.responses[0].plan.digest
    assert apply_while_locked(rollout, plan, call, digest).counts == {"applied": 1}
