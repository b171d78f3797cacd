"""A rollout gives the same result on each executor, and its events and its stop reach the tasks."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import dask.config
import pytest
from click.testing import CliRunner
from distributed import Client, LocalCluster, get_worker

from reconciler import Workspace
from reconciler.cli.main import cli
from reconciler.engine.ownership.lease import hold_lease
from reconciler.engine.ownership.process import identify_this_process
from reconciler.rollout import Rollout, driver
from reconciler.rollout.channel import connect_channel, open_channel
from reconciler.rollout.dask import SchedulerAddress, open_scheduler, start_quiet_loop
from reconciler.rollout.messages import TaskEvent
from tests.support.rollouts import apply_directly, read_contents, write_environments
from tests.support.worker_processes import get_fork_context

pytestmark = pytest.mark.xdist_group("worker processes")  # they share a server process

COUNT = 2
NAMES = ["site-1", "site-2"]


@pytest.fixture(scope="module")
def executors():
    """Return an executor of each sort with one worker.

    The scheduler and the worker of Dask are threads of this process.
    """
    with (
        ThreadPoolExecutor(1) as threads,
        ProcessPoolExecutor(1, mp_context=get_fork_context()) as pool,
        Client(
            processes=False,
            n_workers=1,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            set_as_default=False,
        ) as client,
    ):
        yield {"threads": threads, "processes": pool, "Dask": client.get_executor(pure=False)}


@pytest.fixture(scope="module")
def direct_contents(tmp_path_factory):
    path = write_environments(tmp_path_factory.mktemp("direct"), COUNT)
    return apply_directly(path, COUNT)


@pytest.mark.parametrize("name", ["threads", "processes", "Dask"])
def test_a_rollout_on_each_executor_leaves_what_direct_applies_leave(
    name, executors, tmp_path, direct_contents
):
    path = write_environments(tmp_path, COUNT)
    rollout, executor = Rollout(path), executors[name]
    events = []
    plan = rollout.plan(executor=executor)
    result = rollout.apply(plan, executor=executor, on_event=events.append)
    assert result.counts == {"applied": COUNT}
    assert read_contents(path, COUNT) == direct_contents
    again = rollout.plan(executor=executor)
    assert [response.status for response in again.responses] == ["unchanged"] * COUNT
    progress = [event for event in events if isinstance(event, TaskEvent)]
    assert [(event.environment, event.phase) for event in progress if not event.counts].count(
        ("site-1", "planning")
    ) == 1
    steps = {response.environment: len(response.plan.steps) for response in plan.responses}
    last_counts = {event.environment: event.counts for event in progress}
    assert last_counts == {name: {"applied": steps[name]} for name in NAMES}


@pytest.mark.parametrize("name", ["threads", "processes"])
def test_the_driver_does_not_load_every_environment_for_workers_on_its_own_machine(
    name, executors, tmp_path, monkeypatch
):
    def fail(_request):
        raise AssertionError("the driver loads the files of an environment")

    monkeypatch.setattr(driver, "collect_files", fail)
    plan = Rollout(write_environments(tmp_path, COUNT)).plan(executor=executors[name])
    assert [response.status for response in plan.responses] == ["planned"] * COUNT


def test_a_pool_that_forks_is_rejected_with_the_right_start_method(tmp_path):
    rollout = Rollout(write_environments(tmp_path, COUNT))
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
    with pytest.raises(ValueError, match=r"^executor: a pool that forks can wait forever; create it with "):
        rollout.plan(executor=pool)


@pytest.mark.parametrize("name", ["threads", "processes", "Dask"])
def test_a_stop_reaches_a_running_task_and_those_after_it(name, executors, tmp_path):
    """The first task waits for the lease of another process; the second one waits for a worker."""
    path = write_environments(tmp_path, COUNT)
    rollout, executor = Rollout(path), executors[name]
    plan = rollout.plan(executor=executor)
    stop = threading.Event()

    def stop_while_waiting(event):
        if event == TaskEvent("site-1", "waiting"):
            stop.set()

    first = Workspace(path, environment="site-1")
    with hold_lease("greenhouse", first.connection.call, identify_this_process({})):
        result = rollout.apply(
            plan, executor=executor, lock_timeout=60, on_event=stop_while_waiting, stop=stop
        )
    assert {response.environment: (response.status, response.error) for response in result.responses} == {
        "site-1": ("stopped", "stopped while another apply was running"),
        "site-2": ("stopped", "the rollout was stopped before its start"),
    }
    assert read_contents(path, COUNT)["site-2"]["thing_groups"] == {}


def test_no_task_is_sent_to_an_executor_after_a_stop(tmp_path):
    rollout, stop = Rollout(write_environments(tmp_path, COUNT)), threading.Event()
    stop.set()
    plan = rollout.plan(stop=stop)
    assert [(response.environment, response.status, response.error) for response in plan.responses] == [
        (name, "stopped", "the rollout was stopped") for name in NAMES
    ]


@pytest.mark.parametrize("name", ["processes", "Dask"])
def test_a_running_task_sends_events_and_learns_of_the_stop_on_each_executor(name, executors):
    events, stop = [], threading.Event()
    with open_channel(executors[name], events.append, stop) as channel:
        future = executors[name].submit(wait_for_stop, channel.name)
        while not (future.done() or TaskEvent("site-1", "waiting") in events):
            channel.poll(is_stopped=False)
        while not future.done():
            channel.poll(is_stopped=True)
        assert future.result() is True
        assert not stop.is_set()
    assert events == [TaskEvent("site-1", "waiting")]


def wait_for_stop(channel_name: str) -> bool:
    """Run as a task: send an event, and return whether the stop arrives."""
    with connect_channel(channel_name) as channel:
        assert not channel.stop.is_set()
        channel.send(TaskEvent("site-1", "waiting"))
        return channel.stop.wait(20)


@pytest.mark.parametrize(
    ("name", "is_stopped"), [("", False), ("folder:/does/not/exist", False), ("local:0123", True)]
)
def test_a_task_without_a_reachable_channel_drops_its_events(name, is_stopped):
    """A channel of this process that no longer exists is that of a driver that was interrupted."""
    with connect_channel(name) as channel:
        channel.send(TaskEvent("site-1", "planning"))
        assert channel.stop.is_set() is is_stopped


@pytest.mark.parametrize("is_safe", [True, False])
def test_a_task_stops_the_profiler_of_its_worker_if_that_could_block_it(is_safe, monkeypatch):
    monkeypatch.setattr("reconciler.rollout.dask._IS_PROFILER_SAFE", is_safe)
    with (
        dask.config.set({"distributed.worker.profile.enabled": True}),
        LocalCluster(n_workers=1, processes=False, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        executor = client.get_executor(pure=False)
        with open_channel(executor, lambda _event: None, threading.Event()) as channel:
            assert executor.submit(is_profiler_running, channel.name).result() is is_safe


def is_profiler_running(channel_name: str) -> bool:
    """Run as a task: return whether Dask's profiler looks at this worker."""
    with connect_channel(channel_name):
        return get_worker().periodic_callbacks["profile"].is_running()


def test_commands_work_on_the_scheduler_that_an_option_names(tmp_path):
    path = write_environments(tmp_path, COUNT)
    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, protocol="tcp://", dashboard_address="127.0.0.1:0"
    ) as cluster:
        words = ["--all-envs", "--scheduler", cluster.scheduler_address, "-f", str(path)]
        codes = [
            CliRunner().invoke(cli, [*command.split(), *words]).exit_code
            for command in ("apply --yes", "drift", "destroy --yes")
        ]
        with Client(cluster, set_as_default=False) as client:
            events = client.get_events("reconciler-rollout")
    assert codes == [0, 0, 0]
    planned = [event for _, (_, event) in events if '"planning"' in event]
    assert len(planned) == COUNT * 5  # an apply and a destroy also plan
    assert [content["things"] for content in read_contents(path, COUNT).values()] == [{}, {}]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--env", "site-1", "--scheduler", "local"], "--scheduler is for several environments; select them"),
        (["--all-envs", "--scheduler", "10.0.0.5"], "'10.0.0.5' is not a valid scheduler; expected tcp://"),
    ],
)
def test_a_wrong_use_of_the_scheduler_option_is_rejected(tmp_path, words, problem):
    path = write_environments(tmp_path, COUNT)
    for command in ("plan", "destroy"):
        result = CliRunner().invoke(cli, [command, "-f", str(path), *words], env={"COLUMNS": "300"})
        assert (result.exit_code, problem in result.stderr) == (1, True), result.stderr


def test_a_scheduler_that_does_not_exist_is_reported_with_the_next_step(tmp_path, monkeypatch):
    monkeypatch.setattr("reconciler.rollout.dask._CONNECT_SECONDS", 0.2)
    path = write_environments(tmp_path, COUNT)
    words = ["plan", "--all-envs", "-f", str(path), "--scheduler", "tcp://127.0.0.1:9"]
    result = CliRunner().invoke(cli, words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error: cannot connect to the scheduler tcp://127.0.0.1:9: " in result.stderr
    assert "check the address, that `dask scheduler` runs there" in result.stderr


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp://10.0.0.5:8786", SchedulerAddress("tcp://10.0.0.5:8786")),
        ("tls://scheduler.example:8786", SchedulerAddress("tls://scheduler.example:8786")),
        ("local:4x8", SchedulerAddress(workers=4, threads=8)),
    ],
)
def test_a_scheduler_is_an_address_or_the_size_of_a_local_cluster(text, address):
    assert SchedulerAddress.parse(text) == address


def test_a_local_cluster_without_a_size_has_a_process_for_each_core(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    assert SchedulerAddress.parse("local") == SchedulerAddress(workers=6, threads=8)


@pytest.mark.parametrize("text", ["", "10.0.0.5:8786", "tcp://host", "local:4", "local:0x1", "local:4x8 "])
def test_another_text_is_not_a_scheduler(text):
    with pytest.raises(ValueError, match="is not a valid scheduler; expected tcp://HOST:PORT") as caught:
        SchedulerAddress.parse(text)
    assert repr(text)[1:-1] in str(caught.value)


def test_a_local_cluster_has_no_profiler_which_can_block_the_threads_of_a_worker(monkeypatch):
    settings = []

    def record_setting(**_options):
        settings.append(dask.config.get("distributed.worker.profile.enabled"))
        raise OSError("no cluster in this test")

    monkeypatch.setattr("distributed.LocalCluster", record_setting)
    with pytest.raises(OSError, match="no cluster"), open_scheduler("local:1x1"):
        pass
    assert settings == [False]


def test_ctrl_c_is_blocked_in_the_processes_of_a_starting_cluster_but_not_here():
    code = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"

    async def start_process():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        return output

    with start_quiet_loop() as loop:
        output = asyncio.run_coroutine_threadsafe(start_process(), loop.asyncio_loop).result()
        blocked_here = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert (output, signal.SIGINT in blocked_here) == (b"True\n", False)
