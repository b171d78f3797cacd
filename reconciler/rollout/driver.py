"""Hand the tasks of a rollout to an executor, in its schedule's order, and collect the responses.

A task whose worker was lost is started again: an apply then waits for the lease of the lost one, and continues it (`task`).
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import msgspec
from attrs import evolve

from reconciler.model.errors import ReconcilerError
from reconciler.model.redaction import redact
from reconciler.rollout.channel import DriverChannel, open_channel
from reconciler.rollout.file_tree import collect_files, pack_files
from reconciler.rollout.messages import Command, TaskEvent, TaskRequest, TaskResponse, decode, encode
from reconciler.rollout.schedule import Schedule
from reconciler.rollout.task import run_task

THREADS: Mapping[Command, int] = {"plan": 20, "drift": 20, "apply": 8}
"""The environments that one process works on at the same time.

An apply at the full rate of AWS's quotas takes about 0.12 of a processor core and a plan about 0.05, and Python uses one core.
"""

_MAX_LOSSES = 10
"""How often a task may lose its worker without progress; then it is what kills the workers, for example by its memory."""

_LOSSES_UNTIL_ALONE = 2
"""How often a task may lose its worker together with other tasks, which all are suspects then."""

_POLL_SECONDS = 0.2
"""Seconds between two looks at whether the rollout must stop."""


@contextmanager
def open_executor(executor: Executor | None, requests: Collection[TaskRequest]) -> Iterator[Executor]:
    """Yield the given executor, which stays open, or a pool of threads for the tasks.

    Raises ValueError for a pool of processes that are forks of this one.
    """
    if executor is not None:
        _reject_forks(executor)
        yield executor
        return
    threads = max((THREADS[request.command] for request in requests), default=1)
    pool = ThreadPoolExecutor(max(1, min(threads, len(requests))), thread_name_prefix="rollout")
    try:
        yield pool
    except BaseException:  # an interrupt: what waits for a thread must not start
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _reject_forks(executor: Executor) -> None:
    """Raise ValueError for a pool that forks this process.

    Forks of a process with threads can wait forever. Source: Python's documentation of `multiprocessing`, "Contexts and start methods".
    """
    if isinstance(executor, ProcessPoolExecutor) and _read_start_method(executor) == "fork":
        raise ValueError(
            "executor: a pool that forks can wait forever; create it with "
            'ProcessPoolExecutor(…, mp_context=multiprocessing.get_context("spawn"))'
        )


def _read_start_method(pool: ProcessPoolExecutor) -> str:
    settings: Any = pool
    return str(settings._mp_context.get_start_method())  # noqa: SLF001 (a pool has no public way to read it)


def run_tasks(
    requests: Mapping[str, TaskRequest],
    executor: Executor,
    schedule: Schedule,
    on_event: Callable[[TaskEvent | TaskResponse], None],
    stop: threading.Event,
) -> dict[str, TaskResponse]:
    """Run the task of each environment in the schedule's order, and return the responses.

    `on_event` is called with the events of the tasks, in any thread, and with their responses. When `stop` is set, no other task
    is started; those that run end after their running steps. `stop` is also set by an exception: that of an interrupt is raised at
    once, and the first one of `on_event` at the end.
    """
    with ExitStack() as stack:
        driver = _Driver(requests, executor, schedule, on_event, stop, stack)
        try:
            responses = driver.run()
        except BaseException:
            driver.abandon()
            raise
    if driver.callback_error:
        raise driver.callback_error
    return responses


class _Driver:
    def __init__(  # noqa: PLR0913, PLR0917 (created once)
        self,
        requests: Mapping[str, TaskRequest],
        executor: Executor,
        schedule: Schedule,
        on_event: Callable[[TaskEvent | TaskResponse], None],
        stop: threading.Event,
        stack: ExitStack,
    ) -> None:
        self._requests = dict(requests)
        self._executor = executor
        self._schedule = schedule
        self._on_event = on_event
        self._stop = stop
        self._stack = stack
        self._channel: DriverChannel = stack.enter_context(open_channel(executor, self._receive, stop))
        self._has_local_files = isinstance(executor, ThreadPoolExecutor | ProcessPoolExecutor)
        self._environments: dict[Future[str], str] = {}
        self._suspects: deque[str] = deque()
        self._attempts: Counter[str] = Counter()
        self._losses: Counter[str] = Counter()
        self._running: set[str] = set()
        self._begun: set[str] = set()
        self._suspected: set[str] = set()
        self._responses: dict[str, TaskResponse] = {}
        self.callback_error: Exception | None = None

    def run(self) -> dict[str, TaskResponse]:
        while True:
            if self._stop.is_set():
                self._schedule.stop()
            self._start_tasks()
            if not self._environments and not self._suspects:
                return self._responses
            done, _ = wait(self._environments, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
            self._channel.poll(is_stopped=self._stop.is_set())
            if self._stop.is_set():
                self._stop_waiting_tasks()
            self._suspected = self._find_suspected()
            for future in done:
                if future in self._environments:
                    self._collect(future)
            if self._channel.is_lost:
                self._give_up()

    def abandon(self) -> None:
        """Take back all tasks, and ask those that run to stop; the executor may be one that stays open."""
        self._stop.set()
        for future in self._environments:
            future.cancel()
        with suppress(Exception):  # the exception that ends the rollout is more important
            self._channel.poll(is_stopped=True)

    def _report(self, event: TaskEvent | TaskResponse) -> None:
        """Pass an event on; the environment does not fail if the callback does, such as at a closed pipe."""
        try:
            self._on_event(event)
        except Exception as error:  # noqa: BLE001 (of the caller; raised at the end)
            self.callback_error = self.callback_error or error
            self._stop.set()

    def _receive(self, event: TaskEvent) -> None:
        """Report an event; a step that has finished is progress."""
        self._running.add(event.environment)
        if event.total:
            self._begun.add(event.environment)
        if event.counts:
            self._losses[event.environment] = 0
        self._report(event)

    # ── start ──

    def _start_tasks(self) -> None:
        """Start what may start; while there are suspects, each of them runs alone."""
        if not self._suspects:
            for name in self._schedule.start_ready():
                self._start(name)
        elif not self._environments:
            self._submit(self._requests[self._suspects.popleft()])

    def _start(self, name: str) -> None:
        """Start a task for the first time; one for another machine names the files by their digest."""
        request = self._requests[name]
        if not (self._has_local_files or request.files_digest):
            try:
                request = evolve(request, files_digest=collect_files(request).digest)
            except (ReconcilerError, OSError) as error:
                self._finish(TaskResponse(name, "failed", error=redact(str(error))))
                return
            self._requests[name] = request
        self._submit(request)

    def _submit(self, request: TaskRequest) -> None:
        name = request.environment
        self._running.discard(name)
        self._attempts[name] += 1
        # The number of the attempt makes the text unique: an executor may return the result of an equal task.
        text = encode(evolve(request, channel=self._channel.name, attempt=self._attempts[name]))
        try:
            future = self._submit_text(text)
        except Exception as error:  # noqa: BLE001 (the executor is closed or broken; each library has its own errors)
            self._finish(TaskResponse(name, "failed", error=redact(f"the executor accepts no task: {error}")))
        else:
            self._environments[future] = name

    def _submit_text(self, text: str) -> Future[str]:
        try:
            return self._executor.submit(run_task, text)
        except BrokenExecutor:
            if not isinstance(self._executor, ProcessPoolExecutor):
                raise
            self._executor = self._stack.enter_context(_create_alike_pool(self._executor))
            return self._executor.submit(run_task, text)

    # ── end ──

    def _stop_waiting_tasks(self) -> None:
        """Start no other task, and take back those that no worker has begun."""
        self._schedule.stop()
        names = list(self._suspects)
        self._suspects.clear()
        for future, name in list(self._environments.items()):
            if self._channel.can_cancel and future.cancel():
                del self._environments[future]
                names.append(name)
        for name in names:
            self._finish_stopped(name)

    def _finish_stopped(self, name: str) -> None:
        """End a task that no worker works on, because the rollout is stopped."""
        is_begun = name in self._begun
        error = (
            "its worker was lost; apply again to continue"
            if is_begun
            else "the rollout was stopped before its start"
        )
        self._finish(TaskResponse(name, "stopped", error=error))

    def _give_up(self) -> None:
        self._schedule.stop()
        for name in self._environments.values():
            error = "the connection to the scheduler was lost; what was begun is completed by another apply"
            self._finish(TaskResponse(name, "failed", error=error))
        self._environments.clear()

    def _collect(self, future: Future[str]) -> None:
        """Take a task's response; start the task again if its worker was lost or does not have the files."""
        name = self._environments.pop(future)
        request = self._requests[name]
        # The exception is not raised here: an interrupt of the worker would look like one of the driver.
        error = CancelledError() if future.cancelled() else future.exception()
        if error is None:
            try:
                self._accept(request, decode(future.result(), TaskResponse))
            except msgspec.MsgspecError as decode_error:
                self._finish(TaskResponse(name, "failed", error=redact(f"internal error: {decode_error}")))
        elif _is_lost_worker(error):
            self._retry_lost(request, error)
        elif isinstance(error, ModuleNotFoundError):
            message = f"a worker cannot run the task: {error}; install the same packages on all workers"
            self._finish(TaskResponse(name, "failed", error=redact(message)))
        else:
            self._finish(TaskResponse(name, "failed", error=redact(f"internal error: {error}")))

    def _accept(self, request: TaskRequest, response: TaskResponse) -> None:
        """Take the response of a task that has ended without an exception."""
        if response.needs_files:
            self._send_files(request)
        elif response.status == "unchanged" and response.run and request.environment in self._begun:
            # An earlier attempt applied everything, but its worker was lost before the driver had the response.
            run = evolve(response.run, is_continued=True)
            self._finish(evolve(response, status="applied", run=run))
        else:
            self._finish(response)

    def _send_files(self, request: TaskRequest) -> None:
        """Start a task again with its files, because its worker has other ones or none."""
        try:
            files = collect_files(request)
            if files.digest != request.files_digest:
                error = "the files have changed since the rollout was planned; plan again"
                self._finish(TaskResponse(request.environment, "rejected", error=error))
                return
            self._submit(evolve(request, files=pack_files(files), files_root=str(files.root)))
        except (ReconcilerError, OSError) as error:
            self._finish(TaskResponse(request.environment, "failed", error=redact(str(error))))

    def _find_suspected(self) -> set[str]:
        """Return the tasks that may be why a worker is lost: those that have begun, or else all."""
        names = set(self._environments.values())
        return names & self._running or names

    def _retry_lost(self, request: TaskRequest, error: BaseException) -> None:
        """Start a task again; after several losses, alone, to find out which task kills the workers."""
        name = request.environment
        self._losses[name] += name in self._suspected
        if self._stop.is_set():
            self._finish_stopped(name)
        elif self._losses[name] >= _MAX_LOSSES:
            reason = str(error) or type(error).__name__
            message = f"its worker was lost {self._losses[name]} times: {reason}; apply again to continue"
            self._finish(TaskResponse(name, "failed", error=redact(message)))
        elif self._losses[name] >= _LOSSES_UNTIL_ALONE and isinstance(error, BrokenExecutor):
            self._suspects.append(name)
        else:
            self._submit(request)

    def _finish(self, response: TaskResponse) -> None:
        is_success = response.status not in {"failed", "rejected", "stopped"}
        self._responses[response.environment] = response
        self._schedule.finish(response.environment, is_success=is_success)
        self._report(response)


def _create_alike_pool(pool: ProcessPoolExecutor) -> ProcessPoolExecutor:
    """Return a new pool in place of a broken one: when one process is killed, a pool ends all of them."""
    settings: Any = pool
    return ProcessPoolExecutor(
        settings._max_workers,  # noqa: SLF001 (a pool has no public way to be created again)
        mp_context=settings._mp_context,  # noqa: SLF001
        initializer=settings._initializer,  # noqa: SLF001
        initargs=settings._initargs,  # noqa: SLF001
    )


def _is_lost_worker(error: BaseException) -> bool:
    """Return whether an exception of an executor means that a worker was interrupted or lost."""
    is_interrupt = isinstance(error, BrokenExecutor | KeyboardInterrupt | SystemExit)
    return is_interrupt or type(error).__name__ in {
        "KilledWorker",
        "FutureCancelledError",
        "CommClosedError",
        "CancelledError",
    }
