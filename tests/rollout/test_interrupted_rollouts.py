"""A rollout that is interrupted, or whose listener or workers fail, starts nothing more."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import pytest
from distributed import Client, LocalCluster

from reconciler.rollout import Rollout
from reconciler.rollout.channel import connect_channel, open_channel
from reconciler.rollout.last_rollout import LastRolloutFile
from reconciler.rollout.messages import TaskEvent, TaskResponse
from tests.support.rollouts import read_contents, write_environments

COUNT = 3


class DirectExecutor(Executor):
    """An executor of an unknown library, which runs a task at once; `errors` are those of its first tasks."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)

    def submit(self, function, /, *arguments, **options):
        future = Future()
        if self.errors:
            future.set_exception(self.errors.pop())
        else:
            future.set_result(function(*arguments, **options))
        return future


def get_things(path):
    return {name: bool(content["things"]) for name, content in read_contents(path, COUNT).items()}


def test_an_interrupt_takes_back_what_waits_in_the_executor_of_the_caller(tmp_path):
    path = write_environments(tmp_path, COUNT)
    rollout = Rollout(path)
    plan, is_stopped = rollout.plan(), threading.Event()

    def interrupt(event):
        if isinstance(event, TaskResponse):
            raise KeyboardInterrupt
        if event.environment == "site-2" and event.phase == "planning":
            is_stopped.wait(10)

    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(KeyboardInterrupt):
            rollout.apply(plan, executor=executor, on_event=interrupt)
        is_stopped.set()
    assert get_things(path) == {"site-1": True, "site-2": False, "site-3": False}
    assert LastRolloutFile(path).list_unfinished() == ("site-2", "site-3")


def test_a_task_of_an_interrupted_driver_finds_the_stop_in_its_folder():
    executor, stop = DirectExecutor(), threading.Event()
    context = open_channel(executor, print, stop)
    channel = context.__enter__()
    channel.poll(is_stopped=True)
    assert not context.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    with connect_channel(channel.name) as connection:
        assert connection.stop.is_set()
    shutil.rmtree(channel.name.removeprefix("folder:"))


@pytest.mark.parametrize("phase", ["planning", "applying"])
def test_a_closed_pipe_of_the_listener_stops_the_rollout_without_failures(tmp_path, phase):
    path = write_environments(tmp_path, COUNT)
    rollout, responses = Rollout(path), {}
    plan = rollout.plan()

    def close_pipe(event):
        if isinstance(event, TaskEvent) and event.phase == phase:
            raise BrokenPipeError(32, "Broken pipe")
        if isinstance(event, TaskResponse):
            responses[event.environment] = (event.status, event.error)

    with ThreadPoolExecutor(1) as executor, pytest.raises(BrokenPipeError):
        rollout.apply(plan, executor=executor, on_event=close_pipe)
    assert responses == {
        "site-1": ("stopped", ""),
        "site-2": ("stopped", "the rollout was stopped before its start"),
        "site-3": ("stopped", "the rollout was stopped before its start"),
    }
    assert LastRolloutFile(path).list_unfinished() == ("site-1", "site-2", "site-3")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_a_rollout_continues_when_a_worker_is_interrupted(tmp_path, error):
    rollout = Rollout(write_environments(tmp_path, COUNT))
    result = rollout.apply(rollout.plan(), executor=DirectExecutor(error, error))
    assert result.counts == {"applied": COUNT}


def test_a_response_that_cannot_be_read_fails_its_environment_alone(tmp_path):
    class DamagedExecutor(DirectExecutor):
        def submit(self, function, /, *arguments, **options):
            future = super().submit(function, *arguments, **options)
            if "site-2" in future.result():
                future = Future()
                future.set_result("{")
            return future

    plan = Rollout(write_environments(tmp_path, COUNT)).plan(executor=DamagedExecutor())
    assert [response.status for response in plan.responses] == ["planned", "failed", "planned"]
    assert plan.responses[1].error.startswith("internal error: ")


def test_a_stop_does_not_wait_for_a_worker_if_a_cluster_of_dask_has_none(tmp_path, monkeypatch):
    monkeypatch.setattr("reconciler.rollout.dask._MAX_EMPTY_SECONDS", 0.1)
    rollout, stop = Rollout(write_environments(tmp_path, COUNT)), threading.Event()
    plan = rollout.plan()
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        threading.Timer(0.1, stop.set).start()
        result = rollout.apply(plan, executor=client.get_executor(pure=False), stop=stop)
    assert {(response.status, response.error) for response in result.responses} == {
        ("stopped", "the rollout was stopped before its start")
    }
    assert result.counts == {"stopped": COUNT}
