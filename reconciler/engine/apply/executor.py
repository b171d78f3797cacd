"""Apply a plan: worker threads run the ready steps, at most a given number of them at once."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from queue import SimpleQueue
from typing import Any, TypeAlias

from reconciler.engine.apply.recorder import NULL_RECORDER, Recorder, record_calls
from reconciler.engine.apply.scheduler import ReadyQueue
from reconciler.engine.apply.shared_listings import SharedListings
from reconciler.engine.apply.staleness import build_version_conflict_error, find_stale_steps
from reconciler.engine.calls.batches import send_batch
from reconciler.engine.calls.output_files import save_secrets
from reconciler.engine.calls.send import Pause, get_request_id, send
from reconciler.engine.threads import ContextThreadPool
from reconciler.frozen_classes import field, frozen
from reconciler.kinds.base.context import Response
from reconciler.kinds.base.reads import VERSION_CONFLICT
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Batch, Call
from reconciler.model.errors import (
    AwsError,
    LeaseLostError,
    ReconcilerError,
    ServiceUnavailableError,
    StaleError,
)
from reconciler.model.outcome import Applied, Canceled, Failed, Outcome, Started, Waiting
from reconciler.model.plan import Plan, Step
from reconciler.model.redaction import redact

MAX_WORKERS = 32

Guard: TypeAlias = Callable[[], None]
"""A function that is called before each call of a step; it raises LeaseLostError if the run may send no more."""

_MAX_WAITING_STEPS = 1000
"""The maximum number of steps that wait for AWS, in addition to the running ones; each keeps an idle thread."""

_FIRST_NOTICE_SECONDS = 2.0
"""Seconds of waiting for AWS after which a step first reports that it waits."""

_NEXT_NOTICE_SECONDS = 30.0
"""Seconds of waiting between two such reports."""

_SECOND_READ_SECONDS = 0.2
"""Seconds after which the resource of a step that looks stale is read a second time."""


def apply_plan(  # noqa: PLR0913 (a plan, and everything that an apply needs)
    plan: Plan,
    call: Call,
    *,
    stop: threading.Event,
    guard: Guard = lambda: None,
    workers: int = MAX_WORKERS,
    pause: Pause | None = None,
    recorder: Recorder = NULL_RECORDER,
) -> Generator[Outcome, None, None]:
    """Send the plan's calls and yield the outcome of each step as it happens.

    Right before a step's first write, the resources that the write could overwrite are read again; if someone else has changed
    them since the plan was made, the step fails with StaleError (`staleness` defines the details). If a step fails, only the steps
    that depend on it, directly or indirectly, are skipped.

    The run stops when `stop` is set, at the first KeyboardInterrupt, or when a step fails because the lease is lost or the service
    is unavailable. Then running steps finish, except that those which wait for AWS fail at once, and all steps that have not
    started are canceled. A further KeyboardInterrupt, while the run is stopping, is passed on to the caller. `recorder` records
    every call of the steps, before it is sent and after its response.
    """
    queue = ReadyQueue(plan)
    with (
        ContextThreadPool(workers + _MAX_WAITING_STEPS, "apply") as pool,
        ContextThreadPool(workers, "reread") as read_pool,
    ):
        run = _Run(
            plan,
            call,
            SharedListings(call, read_pool),
            guard,
            recorder,
            pause or _build_interruptible_pause(stop),
            pool,
            read_pool,
        )
        running, waiting = set[Address](), set[Address]()
        while queue or running or waiting:
            free_workers = workers - len(running)
            # Steps that have ended are replaced together: the checks of one batch share their reads.
            if free_workers and queue and not stop.is_set() and run.outcomes.empty():
                steps = queue.pop(free_workers)
                running.update(step.address for step in steps)
                yield from (Started(step.change) for step in steps)
                run.submit(steps)
                continue
            if not running and not waiting:
                break  # the run was stopped
            try:
                step, outcome = run.outcomes.get()
            except KeyboardInterrupt:
                if stop.is_set():
                    raise
                stop.set()
                continue
            running.discard(step.address)
            if isinstance(outcome, Waiting):
                # The step no longer counts as running: it may be waiting for a step that has not started yet.
                waiting.add(step.address)
                yield outcome
                continue
            waiting.discard(step.address)
            if _is_fatal(outcome):
                stop.set()
            yield outcome
            yield from queue.finish(step, outcome)
    yield from (Canceled(step.change) for step in queue.iterate_unstarted())


def _is_fatal(outcome: Outcome) -> bool:
    """Return whether the run must stop: the other steps would most likely fail for the same reason."""
    return isinstance(outcome, Failed) and isinstance(outcome.error, LeaseLostError | ServiceUnavailableError)


def _build_interruptible_pause(stop: threading.Event) -> Pause:
    """Return a pause function that raises ReconcilerError as soon as `stop` is set."""

    def pause(seconds: float) -> None:
        if stop.wait(seconds):
            raise ReconcilerError("stopped while waiting for AWS to catch up; apply again to continue")

    return pause


@frozen
class _Run:
    """The state that the workers of one apply share.

    `pool` runs the steps, and `read_pool` sends the reads that check whether steps are stale, most of them for `shared_listings`.
    `responses` has, for each step, the members of all its responses, because later calls use them as parameters.
    """

    plan: Plan
    call: Call
    shared_listings: SharedListings
    guard: Guard
    recorder: Recorder
    pause: Pause
    pool: ContextThreadPool
    read_pool: ContextThreadPool
    responses: defaultdict[Address, dict[str, Any]] = field(factory=lambda: defaultdict(dict))
    outcomes: SimpleQueue[tuple[Step, Outcome]] = field(factory=SimpleQueue)

    def submit(self, steps: Sequence[Step]) -> None:
        """Start steps in one group for each kind, so that a slow read of one kind does not delay the others."""
        for steps_of_kind in _group_by_kind(steps):
            self.pool.submit(self._check_and_run, steps_of_kind)

    def _check_and_run(self, steps: Sequence[Step]) -> None:
        """Re-read the steps' resources, and run the steps that are not stale, the last one in this thread."""
        try:
            stale_steps = self._find_stale_steps(steps)
        except Exception as error:  # noqa: BLE001 (reported with each step)
            for step in steps:
                self.outcomes.put((step, Failed(step.change, _to_reconciler_error(error))))
            return
        for step in steps:
            if step.address in stale_steps:
                stale_error = stale_steps[step.address]  # None if nothing is left to do
                outcome = Failed(step.change, stale_error) if stale_error else Applied(step.change, 0.0)
                self.outcomes.put((step, outcome))
        fresh_steps = [step for step in steps if step.address not in stale_steps]
        for step in fresh_steps[:-1]:
            self.pool.submit(self._run_step, step)
        if fresh_steps:
            self._run_step(fresh_steps[-1])

    def _find_stale_steps(self, steps: Sequence[Step]) -> Mapping[Address, StaleError | None]:
        """Return the same as `staleness.find_stale_steps`, but only after a second read of what looks stale.

        AWS's reads may not yet return what was written a moment ago, nor may a shared listing.
        """
        stale_steps = find_stale_steps(steps, self.plan, self.shared_listings.answer)
        suspect_steps = [step for step in steps if stale_steps.get(step.address)]
        if not suspect_steps:
            return stale_steps
        self.pause(_SECOND_READ_SECONDS)
        steps_without_work = {address: error for address, error in stale_steps.items() if error is None}
        return {**steps_without_work, **find_stale_steps(suspect_steps, self.plan, self._send_reads)}

    def _send_reads(self, batch: Batch) -> Sequence[Response]:
        return [*send_batch(batch, self.call, self.read_pool)]

    def _run_step(self, step: Step) -> None:
        self.outcomes.put((step, self._send_calls(step)))

    def _send_calls(self, step: Step) -> Outcome:
        started_at = time.monotonic()
        request_ids: list[str] = []
        error_ids: list[str] = []
        pause = self._build_reporting_pause(step)
        # A response is recorded after its secrets are saved: a call without a recorded one may have lost them.
        recorded_call = record_calls(save_secrets(self.call), self.recorder, step.address)
        call = _guard_calls(self.guard, _keep_error_ids(recorded_call, error_ids))
        try:
            for request in step.calls:
                response = send(call, request, self.responses, pause)
                self.responses[step.address].update(response)
                # A call that ended with an expected error has no response; the error has the ID.
                request_ids.append(get_request_id(response) or (error_ids[-1] if error_ids else ""))
        except AwsError as error:
            if error.code != VERSION_CONFLICT:
                return Failed(step.change, error, completed_calls=len(request_ids))
            conflict = build_version_conflict_error(step, self.plan, self._send_reads)
            return Failed(step.change, conflict, completed_calls=len(request_ids))
        except Exception as error:  # noqa: BLE001 (a bug in one step must not hide the outcomes of the others)
            return Failed(step.change, _to_reconciler_error(error), completed_calls=len(request_ids))
        seconds = time.monotonic() - started_at
        return Applied(step.change, seconds, tuple(filter(None, request_ids)))

    def _build_reporting_pause(self, step: Step) -> Pause:
        """Return a pause function that also reports, from time to time, how long the step has waited."""
        waited_seconds, reported_at = 0.0, 0.0

        def pause(seconds: float) -> None:
            nonlocal waited_seconds, reported_at
            interval = _NEXT_NOTICE_SECONDS if reported_at else _FIRST_NOTICE_SECONDS
            if waited_seconds >= reported_at + interval:
                reported_at = waited_seconds
                self.outcomes.put((step, Waiting(step.change, waited_seconds)))
            self.pause(seconds)
            waited_seconds += seconds

        return pause


def _group_by_kind(steps: Sequence[Step]) -> Collection[Sequence[Step]]:
    groups: defaultdict[str, list[Step]] = defaultdict(list)
    for step in steps:
        groups[step.address.kind].append(step)
    return groups.values()


def _guard_calls(guard: Guard, call: Call) -> Call:
    def send_if_allowed(request: ApiCall) -> Mapping[str, Any]:
        guard()
        return call(request)

    return send_if_allowed


def _keep_error_ids(call: Call, ids: list[str]) -> Call:
    """Return `call`, extended to append the request ID of each of AWS's errors to `ids`."""

    def send_and_keep_id(request: ApiCall) -> Mapping[str, Any]:
        try:
            return call(request)
        except AwsError as error:
            ids.append(error.request_id)
            raise

    return send_and_keep_id


def _to_reconciler_error(error: Exception) -> ReconcilerError:
    if isinstance(error, ReconcilerError):
        return error
    internal_error = ReconcilerError(redact(f"internal error: {type(error).__name__}: {error}"))
    internal_error.__cause__ = error
    return internal_error
