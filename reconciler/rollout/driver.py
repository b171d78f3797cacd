"""Hand the tasks of a rollout to an executor, in its schedule's order, and collect the responses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve

from reconciler.model.redaction import redact
from reconciler.rollout.file_tree import pack_tree
from reconciler.rollout.messages import Command, TaskRequest, TaskResponse, decode, encode
from reconciler.rollout.schedule import Schedule
from reconciler.rollout.task import run_task

_THREADS: Mapping[Command, int] = {"plan": 20, "drift": 20, "apply": 8}
"""The environments that one process works on at the same time.

An apply at the full rate of AWS's quotas takes about 0.12 of a processor core and a plan about 0.05, and Python uses one core.
"""

_MAX_ATTEMPTS = 5
"""The maximum number of times that a task is started because its worker was lost."""

_POLL_SECONDS = 0.2
"""Seconds between two looks at whether the rollout must stop."""


@contextmanager
def open_executor(executor: Executor | None, requests: Collection[TaskRequest]) -> Iterator[Executor]:
    """Yield the given executor, which stays open, or a pool of threads for the tasks."""
    if executor is not None:
        yield executor
        return
    threads = max((_THREADS[request.command] for request in requests), default=1)
    pool = ThreadPoolExecutor(max(1, min(threads, len(requests))), thread_name_prefix="rollout")
    try:
        yield pool
    except BaseException:  # an interrupt: what waits for a thread must not start
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def run_tasks(
    requests: Mapping[str, TaskRequest],
    executor: Executor,
    schedule: Schedule,
    on_response: Callable[[TaskResponse], None],
    stop: threading.Event,
) -> dict[str, TaskResponse]:
    """Run the task of each environment in the schedule's order, and return the responses.

    When `stop` is set, no other task is started; those that run are waited for. A task whose worker was lost is started again.
    """
    return _Driver(requests, executor, schedule, on_response, stop).run()


class _Driver:
    def __init__(
        self,
        requests: Mapping[str, TaskRequest],
        executor: Executor,
        schedule: Schedule,
        on_response: Callable[[TaskResponse], None],
        stop: threading.Event,
    ) -> None:
        self._requests = requests
        self._executor = executor
        self._schedule = schedule
        self._on_response = on_response
        self._stop = stop
        self._environments: dict[Future[str], str] = {}
        self._attempts: dict[str, int] = {}
        self._responses: dict[str, TaskResponse] = {}
        self._tree = ""

    def run(self) -> dict[str, TaskResponse]:
        while True:
            for name in self._schedule.start_ready():
                self._submit(self._requests[name])
            if not self._environments:
                return self._responses
            done, _ = wait(self._environments, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
            if self._stop.is_set():
                self._stop_waiting_tasks()
            for future in done:
                if future in self._environments:
                    self._collect(future)

    def _stop_waiting_tasks(self) -> None:
        """Start no other task, and take back those that no worker has begun."""
        self._schedule.stop()
        for future, name in list(self._environments.items()):
            if future.cancel():
                del self._environments[future]
                response = TaskResponse(name, "stopped", error="the rollout was stopped before its start")
                self._finish(response)

    def _submit(self, request: TaskRequest) -> None:
        name = request.environment
        self._attempts[name] = self._attempts.get(name, 0) + 1
        try:
            self._environments[self._executor.submit(run_task, encode(request))] = name
        except RuntimeError as error:  # the executor is closed or broken
            self._finish(TaskResponse(name, "failed", error=redact(f"the executor accepts no task: {error}")))

    def _collect(self, future: Future[str]) -> None:
        """Take a task's response; start the task again if its worker was lost or does not have the files."""
        name = self._environments.pop(future)
        request = self._requests[name]
        try:
            response = decode(future.result(), TaskResponse)
        except (CancelledError, BrokenProcessPool) as error:
            self._retry_lost(request, error)
            return
        except Exception as error:  # noqa: BLE001 (of the task or of the executor's library)
            if _is_lost_worker(error):
                self._retry_lost(request, error)
            else:
                self._finish(TaskResponse(name, "failed", error=redact(f"internal error: {error}")))
            return
        if response.needs_tree and not request.tree:
            self._tree = self._tree or pack_tree(Path(request.path))
            self._submit(evolve(request, tree=self._tree))
            return
        self._finish(response)

    def _retry_lost(self, request: TaskRequest, error: BaseException) -> None:
        name = request.environment
        if self._attempts[name] >= _MAX_ATTEMPTS or self._stop.is_set():
            reason = str(error) or type(error).__name__
            message = f"its worker was lost {self._attempts[name]} times: {reason}"
            self._finish(TaskResponse(name, "failed", error=redact(message)))
        else:
            self._submit(request)

    def _finish(self, response: TaskResponse) -> None:
        is_success = response.status not in {"failed", "rejected", "stopped"}
        self._responses[response.environment] = response
        self._schedule.finish(response.environment, is_success=is_success)
        self._on_response(response)


def _is_lost_worker(error: Exception) -> bool:
    """Return whether an exception of an executor's library means that a worker or the scheduler was lost."""
    return type(error).__name__ in {
        "KilledWorker",
        "FutureCancelledError",
        "CommClosedError",
        "CancelledError",
    }
