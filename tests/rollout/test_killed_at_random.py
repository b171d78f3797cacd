"""Rollouts whose workers are killed at random end as clean ones; only in `make stress`."""

from __future__ import annotations

import os
import random
import threading
from concurrent.futures import ProcessPoolExecutor

import pytest

from reconciler.rollout import Rollout
from reconciler.rollout.dask import open_scheduler
from tests.support.dask_processes import run_dask_processes
from tests.support.examples import STRESS_FACTOR
from tests.support.killed_workers import install, kill_any, read_approved_digests
from tests.support.rollouts import apply_directly, read_contents, write_environments
from tests.support.worker_processes import get_fork_context

pytestmark = [
    pytest.mark.hypothesis,  # selected by `make stress`
    pytest.mark.skipif(not STRESS_FACTOR, reason="takes minutes; run `make stress`"),
]

COUNT, THINGS = 24, 15
KILLS = 100


def apply_until_killed(rollout, executor, kill, direct_contents):
    """Apply and destroy until there were enough kills of workers; return the approved digests.

    `kill` kills a worker, and returns whether there was one.
    """
    approved = {f"{number:012}": set() for number in range(1, COUNT + 1)}
    kills, done = 0, threading.Event()

    def kill_at_random():
        nonlocal kills
        while kills < KILLS and not done.wait(choose_pause()):
            kills += kill(kills)

    killer = threading.Thread(target=kill_at_random)
    killer.start()
    try:
        while True:
            for is_destroy in (False, True):
                plan = rollout.plan(destroy=is_destroy)
                for number, response in enumerate(plan.responses, start=1):
                    approved[f"{number:012}"].add(response.plan.digest)
                result = rollout.apply(plan, executor=executor)
                assert [response.error for response in result.responses] == [""] * COUNT
                assert result.counts == {"applied": COUNT}
                assert not rollout.plan(destroy=is_destroy)
                if not is_destroy:
                    contents = read_contents(rollout.path, COUNT)
                    assert {name for name in contents if contents[name] != direct_contents[name]} == set()
            if kills >= KILLS:
                return approved
    finally:
        done.set()
        killer.join()
        print(f"{kills} kills")  # noqa: T201 (pytest shows it if the test fails)


@pytest.fixture(scope="module")
def direct_contents(tmp_path_factory):
    path = write_environments(tmp_path_factory.mktemp("direct"), COUNT, THINGS)
    return apply_directly(path, COUNT)


SEED = random.SystemRandom().getrandbits(32)
CHOICE = random.Random(SEED)


def choose_pause():
    return CHOICE.uniform(0.1, 1.5)


def test_a_rollout_on_dask_survives_a_hundred_kills_and_a_new_scheduler(tmp_path, direct_contents):
    print(f"seed {SEED}")  # noqa: T201
    rollout = Rollout(write_environments(tmp_path / "files", COUNT, THINGS))
    with (
        run_dask_processes(tmp_path / "dask", workers=3, threads=2) as cluster,
        open_scheduler(cluster.address) as executor,
    ):

        def kill(kills):
            if kills == KILLS // 2:
                cluster.restart_scheduler()
            return cluster.kill_worker(CHOICE)

        apply_until_killed(rollout, executor, kill, direct_contents)


def test_a_rollout_on_a_pool_survives_a_hundred_kills(tmp_path, direct_contents):
    print(f"seed {SEED}")  # noqa: T201
    rollout, records = Rollout(write_environments(tmp_path / "files", COUNT, THINGS)), tmp_path / "records"
    records.mkdir()

    def kill(_kills):
        return kill_any(records, CHOICE)

    with ProcessPoolExecutor(
        3, mp_context=get_fork_context(), initializer=begin, initargs=(records,)
    ) as pool:
        approved = apply_until_killed(rollout, pool, kill, direct_contents)
    assert read_approved_digests(records) == approved


def begin(records):
    """Prepare a process of the pool: record its leases and its process ID."""
    install(records)
    (records / f"worker-{os.getpid()}").touch()
