"""Runs a plan: a ready-queue over its graph, the kinds in turn, as many steps at once as there are workers."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, TypeAlias

from attrs import field, frozen

from reconciler.engine.apply.recorder import NULL_RECORDER, Recorder, with_recording
from reconciler.engine.apply.scheduler import ReadyQueue
from reconciler.engine.apply.staleness import find_stale_steps, version_conflict_error
from reconciler.engine.calls.send import Pause, send
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Call
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
"""Asked before each write; raises LeaseLostError where nothing more may be written."""

_VERSION_CONFLICT = "VersionConflictException"


def apply_plan(  # noqa: PLR0913 (what sends, what may stop it, and how)
    plan: Plan,
    call: Call,
    *,
    stop: threading.Event,
    guard: Guard = lambda: None,
    workers: int = MAX_WORKERS,
    pause: Pause | None = None,
    recorder: Recorder = NULL_RECORDER,
) -> Generator[Outcome, None, None]:
    """Send the plan's calls, telling what becomes of each step as it happens.

    Right before a step's first write it is read again: where it is no longer as the plan saw it the step fails with
    StaleError. A failed step skips what waits for it and nothing else. When `stop` is set, on an interrupt, or when
    `guard` says that the lease is lost, what is in flight is finished and the rest is cancelled; a second interrupt is
    raised. Waiting for AWS to catch up is not finished but ended. `recorder` hears of every attempt at a call of the plan,
    before and after it.
    """
    queue = ReadyQueue(plan)
    with (
        ThreadPoolExecutor(workers + _MOST_WAITING, "apply") as pool,
        ThreadPoolExecutor(workers, "look") as looking,
    ):
        run = _Run(plan, call, guard, recorder, pause or _pausing(stop), looking)
        at_work, waiting = set[Address](), set[Address]()
        while queue or at_work or waiting:
            if (free := workers - len(at_work)) and queue and not stop.is_set():
                steps = queue.pop(free)
                at_work.update(step.address for step in steps)
                yield from (Started(step.change) for step in steps)
                for alike in _by_kind(steps):
                    pool.submit(run.begin, alike, pool)
                continue
            if not at_work and not waiting:
                break
            try:
                step, outcome = run.ended.get()
            except KeyboardInterrupt:
                if stop.is_set():
                    raise
                stop.set()
                continue
            at_work.discard(step.address)
            if isinstance(outcome, Waiting):
                waiting.add(step.address)  # others may go on, and what it waits for may be one of them
                yield outcome
                continue
            waiting.discard(step.address)
            if isinstance(outcome, Failed) and isinstance(
                outcome.error, LeaseLostError | ServiceUnavailableError
            ):
                stop.set()  # what is left would fail as this did
            yield outcome
            yield from queue.settle(step, outcome)
    yield from (Canceled(step.change) for step in queue.unstarted())


def _by_kind(steps: Sequence[Step]) -> Iterable[Sequence[Step]]:
    """So that no kind's look waits for another's."""
    found: defaultdict[str, list[Step]] = defaultdict(list)
    for step in steps:
        found[step.address.kind].append(step)
    return found.values()


def _pausing(stop: threading.Event) -> Pause:
    def pause(seconds: float) -> None:
        if stop.wait(seconds):
            raise ReconcilerError("stopped while waiting for AWS to catch up; the next run goes on from here")

    return pause


@frozen
class _Run:
    """What the workers share."""

    plan: Plan
    call: Call
    guard: Guard
    recorder: Recorder
    pause: Pause
    looking: ThreadPoolExecutor
    answers: defaultdict[Address, dict[str, Any]] = field(factory=lambda: defaultdict(dict))
    ended: SimpleQueue[tuple[Step, Outcome]] = field(factory=SimpleQueue)

    def begin(self, steps: Sequence[Step], pool: ThreadPoolExecutor) -> None:
        """Look at some steps, all at once, and run those that are as their plan saw them."""
        try:
            found = self._stale(steps)
        except Exception as error:  # noqa: BLE001 (told with each step)
            for step in steps:
                self.ended.put((step, Failed(step.change, _told(error))))
            return
        for step in steps:
            if step.address not in found:
                pool.submit(self._run_and_tell, step)
            elif why := found[step.address]:
                self.ended.put((step, Failed(step.change, why)))
            else:
                self.ended.put((step, Applied(step.change, 0.0)))

    def _stale(self, steps: Sequence[Step]) -> Mapping[Address, StaleError | None]:
        """AWS's readings lag behind: what looks stale is looked at once more after a moment."""
        found = find_stale_steps(steps, self.plan, self.call, self.looking)
        if doubted := [step for step in steps if found.get(step.address)]:
            self.pause(_SECOND_LOOK)
            again = find_stale_steps(doubted, self.plan, self.call, self.looking)
            return {
                **{address: why for address, why in found.items() if not why},
                **again,
            }
        return found

    def _run_and_tell(self, step: Step) -> None:
        self.ended.put((step, self._run(step)))

    def _run(self, step: Step) -> Outcome:
        begun = time.monotonic()
        request_ids: list[str] = []
        pause = self._telling(step)
        call = _guarded(self.guard, with_recording(self.call, self.recorder, step.address))
        try:
            for asked in step.calls:
                answer = send(call, asked, self.answers, pause)
                self.answers[step.address].update(answer)
                request_ids.append(_request_id(answer))
        except AwsError as error:
            if error.code != _VERSION_CONFLICT:
                return Failed(step.change, error, len(request_ids))
            return Failed(
                step.change,
                version_conflict_error(step, self.plan, self.call, self.looking),
                len(request_ids),
            )
        except Exception as error:  # noqa: BLE001 (a fault of ours in one step must not leave the others untold)
            return Failed(step.change, _told(error), len(request_ids))
        return Applied(step.change, time.monotonic() - begun, tuple(request_ids))

    def _telling(self, step: Step) -> Pause:
        """The pause, told of where a step waits for long."""
        waited, told = 0.0, 0.0

        def pause(seconds: float) -> None:
            nonlocal waited, told
            if waited >= told + (_TELL_EVERY if told else _TELL_AFTER):
                told = waited
                self.ended.put((step, Waiting(step.change, waited)))
            self.pause(seconds)
            waited += seconds

        return pause


def _guarded(guard: Guard, call: Call) -> Call:
    def send_if_allowed(asked: ApiCall) -> Mapping[str, Any]:
        guard()
        return call(asked)

    return send_if_allowed


_MOST_WAITING = 1000
"""Steps that may wait for AWS beside those at work; each is an idle thread."""

_TELL_AFTER, _TELL_EVERY = 2.0, 30.0
"""Seconds of waiting after which a step says so, and then again."""

_SECOND_LOOK = 0.2
"""Seconds after which what seems stale is read once more."""


def _told(error: Exception) -> ReconcilerError:
    if isinstance(error, ReconcilerError):
        return error
    told = redact(f"{type(error).__name__}: {error}")
    fault = ReconcilerError(f"a fault in reconciler itself: {told}")
    fault.__cause__ = error
    return fault


def _request_id(answer: Mapping[str, Any]) -> str:
    return str(answer.get("ResponseMetadata", {}).get("RequestId", ""))
