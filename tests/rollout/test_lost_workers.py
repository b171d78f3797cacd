"""A rollout whose workers are killed ends as a clean one: nothing is lost or done twice."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor

import pytest

from reconciler.rollout import Rollout
from tests.support.killed_workers import arm, die_in_account, install, list_unused, read_approved_digests
from tests.support.rollouts import apply_directly, read_contents, write_environments
from tests.support.worker_processes import KillPoints, get_fork_context, open_forking_cluster

pytestmark = pytest.mark.xdist_group("worker processes")  # they share a server process

COUNT = 2


@pytest.fixture(scope="module")
def direct_contents(tmp_path_factory):
    path = write_environments(tmp_path_factory.mktemp("direct"), COUNT)
    return apply_directly(path, COUNT)


def check(result, plan, path, kills, direct_contents):
    """Check the registries, the kills, and the approved digests that the leases named."""
    assert [response.error for response in result.responses] == [""] * COUNT
    assert result.counts == {"applied": COUNT}
    assert list_unused(kills) == []
    assert read_contents(path, COUNT) == direct_contents
    approved = {f"{number:012}": {plan.responses[number - 1].plan.digest} for number in (1, 2)}
    assert read_approved_digests(kills) == approved
    assert [response.status for response in Rollout(path).plan().responses] == ["unchanged"] * COUNT


def test_a_rollout_continues_when_processes_of_a_pool_are_killed(tmp_path, direct_contents):
    path = write_environments(tmp_path / "files", COUNT)
    rollout, kills = Rollout(path), tmp_path / "kills"
    plan = rollout.plan()
    arm(kills, [0, 6, 11])
    with ProcessPoolExecutor(
        2, mp_context=get_fork_context(), initializer=install, initargs=(kills,)
    ) as pool:
        result = rollout.apply(plan, executor=pool)
    check(result, plan, path, kills, direct_contents)


def test_a_rollout_continues_when_a_worker_of_dask_is_killed(tmp_path, direct_contents):
    path = write_environments(tmp_path / "files", COUNT)
    rollout, kills = Rollout(path), tmp_path / "kills"
    plan = rollout.plan()
    arm(kills, [9])
    with open_forking_cluster(workers=1, threads=2) as client:
        client.register_plugin(KillPoints(kills))
        result = rollout.apply(plan, executor=client.get_executor(pure=False))
    check(result, plan, path, kills, direct_contents)


def test_an_environment_that_kills_its_workers_fails_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("reconciler.rollout.driver._MAX_LOSSES", 3)
    path = write_environments(tmp_path / "files", 3)
    rollout = Rollout(path)
    plan = rollout.plan()
    with ProcessPoolExecutor(
        2, mp_context=get_fork_context(), initializer=die_in_account, initargs=(f"{2:012}",)
    ) as pool:
        result = rollout.apply(plan, executor=pool, max_failures="100%")
    statuses = {response.environment: response.status for response in result.responses}
    assert statuses == {"site-1": "applied", "site-2": "failed", "site-3": "applied"}
    assert result.responses[1].error.startswith("its worker was lost 3 times: ")
    assert result.responses[1].error.endswith("; apply again to continue")
