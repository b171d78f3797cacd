"""Rollouts on a Dask cluster: connect to its scheduler, and stream events of tasks to the driver.

The only module that imports `distributed`, which the extra `dask` installs. Only text crosses the wire: a task's request and
response (`messages`), and its events. A worker needs this package, and the secrets and credentials of its environments.

A Dask port executes what it is sent. A cluster that is started here uses TLS with keys of its own; one that runs already is
secured by Dask's configuration (https://distributed.dask.org/en/stable/tls.html), which is read for `tls://` addresses.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import multiprocessing
import os
import re
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

from reconciler.frozen_classes import frozen
from reconciler.model.distribution import require_extra
from reconciler.model.errors import ReconcilerError
from reconciler.model.text import quote
from reconciler.rollout.messages import TaskEvent, decode, encode

if TYPE_CHECKING:
    from distributed import Client, Worker

_OPTION = "--scheduler"

_TOPIC = "reconciler-rollout"
"""One topic for all rollouts, because a scheduler keeps the latest events of each topic for as long as it runs."""

_THREADS_PER_WORKER = 8
"""The environments that a process can apply at the same time at the full rate of AWS's quotas."""

_CONNECT_SECONDS = 10
_TRACKER_WARNINGS = "ignore:resource_tracker"
"""The option `-W` of a Python process that ignores these warnings."""

_POLL_SECONDS = 1.0
"""Seconds between two looks of a worker at whether the rollout must stop."""

_MAX_EMPTY_SECONDS = 5.0
"""Seconds without any worker after which a stop takes the tasks back; a worker that died may be replaced before."""

_MAX_CHECK_SECONDS = 5.0
"""Seconds for which a task waits for the first look before it begins."""

_IS_PROFILER_SAFE = sys.version_info >= (3, 11, 9)
"""Whether Dask's profiler may look at the threads of a worker while tasks run.

Before Python 3.11.9, that can block all threads of the process forever while others start or end
(https://github.com/dask/distributed/issues/8616, https://github.com/python/cpython/issues/116969).
"""

_NO_PROFILER = {"distributed.worker.profile.enabled": False}

_LOCAL = re.compile(r"local(?::(?P<workers>[1-9]\d{0,3})x(?P<threads>[1-9]\d{0,3}))?")
_ADDRESS = re.compile(r"(?:tcp|tls|ws|wss|ucx)://[^\s/]+:\d{1,5}")


@frozen
class SchedulerAddress:
    """The scheduler of a rollout: the address of a running one, or the size of a local cluster to start."""

    address: str = ""
    workers: int = 0
    threads: int = 0

    @classmethod
    def parse(cls, text: str) -> SchedulerAddress:
        """Parse `tcp://HOST:PORT`, `local` or `local:WORKERSxTHREADS`. Raises ValueError."""
        if match := _LOCAL.fullmatch(text):
            workers, threads = match["workers"], match["threads"]
            return cls(
                workers=int(workers or os.cpu_count() or 1), threads=int(threads or _THREADS_PER_WORKER)
            )
        if _ADDRESS.fullmatch(text):
            return cls(text)
        raise ValueError(
            f"{quote(text)} is not a valid scheduler; expected tcp://HOST:PORT, tls://HOST:PORT, local or "
            "local:WORKERSxTHREADS such as local:4x8"
        )


@contextmanager
def open_scheduler(text: str) -> Iterator[Executor]:
    """Yield an executor whose tasks run on a Dask cluster.

    Args:
        text: The address of a running scheduler, such as "tcp://10.0.0.5:8786" or "tls://10.0.0.5:8786"; or "local" or
            "local:4x8" to start a cluster on this machine, here with 4 processes of 8 threads.

    Raises:
        ValueError: If `text` is not valid.
        MissingExtraError: If the extra `dask` is not installed.
        ReconcilerError: If the scheduler cannot be reached.

    >>> with open_scheduler("local:4x8") as executor:
    ...     plan = rollout.plan(executor=executor)
    """
    address = SchedulerAddress.parse(text)
    connect = _connect if address.address else _start_cluster
    with connect(address) as client:
        # An impure task runs each time that it is submitted.
        executor: Executor = client.get_executor(pure=False)
        yield executor


@contextmanager
def _connect(address: SchedulerAddress) -> Iterator[Client]:
    with require_extra(_OPTION):
        from distributed import Client
    try:
        client = Client(address.address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, TypeError, RuntimeError, ValueError) as error:  # TypeError: TLS without certificates
        raise ReconcilerError(
            f"cannot connect to the scheduler {address.address}: {error or type(error).__name__}; check the address, that "
            "`dask scheduler` runs there, and TLS in Dask's configuration"
        ) from error
    with client:
        yield client


@contextmanager
def _start_cluster(address: SchedulerAddress) -> Iterator[Client]:
    with require_extra(_OPTION):
        import dask.config
        from distributed import Client, LocalCluster, Security
    with (
        dask.config.set(_NO_PROFILER),
        start_quiet_loop() as loop,
        LocalCluster(
            n_workers=address.workers,
            threads_per_worker=address.threads,
            security=Security.temporary(),
            dashboard_address="127.0.0.1:0",  # other machines must not read it
            worker_dashboard_address="127.0.0.1:0",
            preload=__name__,
            silence_logs=logging.ERROR,  # such as the warning that a worker needs a few seconds to end
            loop=loop,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@contextmanager
def start_quiet_loop() -> Iterator[Any]:
    """Yield a running event loop in whose thread, and in whose processes, Ctrl-C is blocked.

    A terminal sends Ctrl-C to all processes, and one that is still starting would print a traceback.
    """
    from distributed.utils import LoopRunner

    _start_resource_tracker()
    runner = LoopRunner(asynchronous=False)
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        runner.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)
    try:
        yield runner.loop
    finally:
        runner.stop()


def _start_resource_tracker() -> None:
    """Start Python's resource tracker, which unblocks Ctrl-C in the thread that starts it.

    It removes the semaphores of an interrupted process; that it warns of them helps no user.
    """
    sys.warnoptions.append(_TRACKER_WARNINGS)
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.remove(_TRACKER_WARNINGS)


def dask_setup(_worker: object) -> None:
    """Prepare a worker of a local cluster; Dask calls it in each of them.

    It ignores Ctrl-C, which a terminal sends to all processes: the driver asks the tasks to stop. It ends without freeing its
    objects one by one. That takes seconds on a busy machine, after which Dask logs that it has to kill the process.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if multiprocessing.parent_process() is not None:
        atexit.register(os._exit, 0)


# ── the driver's end of a channel ──


class _DaskChannel:
    """The driver's end of a channel: a topic for events, and an event for the stop, both on the scheduler."""

    def __init__(self, client: Client, on_event: Callable[[TaskEvent], None], name: str) -> None:
        from distributed import Event

        self.name = name
        self._client = client
        self._on_event = on_event
        self._stop_event = Event(name, client=client)
        self._connection: object = None
        self._is_stop_sent = False
        self._checked_at = self._empty_since = float("-inf")

    @property
    def can_cancel(self) -> bool:
        """Whether no worker is left that could end a task; Dask drops the result of one that is running."""
        return self._empty_since > 0 and time.monotonic() - self._empty_since >= _MAX_EMPTY_SECONDS

    @property
    def is_lost(self) -> bool:
        """Whether the client gave up connecting to the scheduler."""
        return self._client.status == "closed"

    def poll(self, *, is_stopped: bool) -> None:
        """Ask the tasks to stop; subscribe and ask again if the scheduler was restarted."""
        connection = getattr(self._client, "scheduler_comm", None)
        if connection is None or self._client.status != "running":
            return
        if connection is not self._connection:
            self._client.subscribe_topic(_TOPIC, _dispatch)
            self._connection, self._is_stop_sent = connection, False
        if is_stopped and not self._is_stop_sent:
            with suppress(OSError, RuntimeError):  # tried again
                self._stop_event.set()
                self._is_stop_sent = True
        if is_stopped and time.monotonic() - self._checked_at >= _POLL_SECONDS:
            self._check_workers()

    def _check_workers(self) -> None:
        """Note since when the cluster has no worker, so that a stop does not wait for one forever."""
        self._checked_at = time.monotonic()
        with suppress(OSError, RuntimeError):  # tried again
            if self._client.nthreads():
                self._empty_since = float("-inf")
            elif self._empty_since < 0:
                self._empty_since = self._checked_at

    def receive(self, text: str) -> None:
        self._on_event(decode(text, TaskEvent))

    def close(self) -> None:
        if self._is_stop_sent:
            with suppress(OSError, RuntimeError):  # the cluster was closed, and the event with it
                self._stop_event.clear()


_OPEN_CHANNELS: dict[str, _DaskChannel] = {}


def _dispatch(event: tuple[float, object]) -> None:
    """Pass an event of the topic to its rollout; other drivers may use the same scheduler."""
    match event:
        case (_, [str(name), str(text)] | (str(name), str(text))) if name in _OPEN_CHANNELS:
            _OPEN_CHANNELS[name].receive(text)


@contextmanager
def open_dask_channel(
    executor: Executor, on_event: Callable[[TaskEvent], None], prefix: str
) -> Iterator[_DaskChannel]:
    """Open a channel to the tasks of `client.get_executor()`; its name begins with the prefix."""
    client: Any = executor._client  # type: ignore[attr-defined]  # noqa: SLF001 (Dask has no public way)
    channel = _DaskChannel(client, on_event, f"{prefix}{secrets.token_hex(8)}")
    _OPEN_CHANNELS[channel.name] = channel
    try:
        channel.poll(is_stopped=False)
        yield channel
        channel.close()  # not after an interrupt: tasks that still run must find the stop
    finally:
        del _OPEN_CHANNELS[channel.name]


# ── the worker's end ──


class _DaskConnection:
    """The worker's end of a channel, inside a task."""

    def __init__(self, worker: Worker, name: str) -> None:
        self.stop = threading.Event()
        self._worker = worker
        self._name = name

    def send(self, event: TaskEvent) -> None:
        """Send the event to the topic; drop it if the scheduler cannot be reached."""
        with suppress(Exception):
            self._worker.log_event(_TOPIC, [self._name, encode(event)])

    async def watch(self, checked: threading.Event, closed: threading.Event) -> None:
        """Look again and again whether the rollout must stop, in the worker's event loop.

        `checked` is set after the first look. A wait for the event instead would be canceled at the task's end, which Dask logs as
        an error.
        """
        if not _IS_PROFILER_SAFE and (profiler := self._worker.periodic_callbacks.get("profile")):
            profiler.stop()
        scheduler: Any = self._worker.scheduler
        while not closed.is_set():
            with suppress(Exception):  # the scheduler is lost or restarting; the task goes on
                if await scheduler.event_is_set(name=self._name):
                    self.stop.set()
                    closed.set()
            checked.set()
            await asyncio.sleep(_POLL_SECONDS)


@contextmanager
def connect_dask_channel(name: str) -> Iterator[_DaskConnection]:
    """Connect the task that runs in this thread of a Dask worker."""
    from distributed import get_worker

    worker = get_worker()
    connection = _DaskConnection(worker, name)
    checked, closed = threading.Event(), threading.Event()
    loop: Any = worker.loop
    asyncio.run_coroutine_threadsafe(connection.watch(checked, closed), loop.asyncio_loop)
    checked.wait(_MAX_CHECK_SECONDS)  # a task that begins after the stop must not begin its work
    try:
        yield connection
    finally:
        closed.set()
