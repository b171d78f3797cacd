"""Runs a plan: a ready-queue over its graph, longest remaining path first, as many steps at once as there are workers."""

from __future__ import annotations

import heapq
import threading
import time
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, TypeAlias

from reconciler.engine.recording import UNRECORDED, Recorder, recorded
from reconciler.engine.send import Pause, send
from reconciler.model.address import Address
from reconciler.model.call import Call
from reconciler.model.errors import ReconcilerError
from reconciler.model.outcome import Applied, Cancelled, Failed, Outcome, Skipped, Started
from reconciler.model.plan import Plan, Step

WORKERS = 32

_Ended: TypeAlias = "SimpleQueue[tuple[Step, Outcome]]"


def apply(  # noqa: PLR0913 (each is one thing that a run may do its own way)
    plan: Plan,
    call: Call,
    *,
    stop: threading.Event,
    workers: int = WORKERS,
    pause: Pause | None = None,
    recorder: Recorder = UNRECORDED,
) -> Generator[Outcome, None, None]:
    """Send the plan's calls, telling what becomes of each step as it happens.

    A failed step skips what waits for it and nothing else. When `stop` is set, or on an interrupt, what is in flight is
    finished and the rest is cancelled; a second interrupt is raised. Waiting for AWS to catch up is not finished but ended.
    `recorder` hears of every attempt at a call, before and after it.
    """
    queue = _Ready(plan)
    pause = pause or _pausing(stop)
    answers: dict[Address, dict[str, Any]] = defaultdict(dict)
    ended: _Ended = SimpleQueue()
    running = 0
    with ThreadPoolExecutor(workers, thread_name_prefix="apply") as pool:
        while queue or running:
            while queue and running < workers and not stop.is_set():
                step = queue.pop()
                running += 1
                yield Started(step.change)
                noted = recorded(call, recorder, step.address)
                pool.submit(_run_and_tell, step, noted, answers, pause, ended)
            if not running:
                break
            try:
                step, outcome = ended.get()
            except KeyboardInterrupt:
                if stop.is_set():
                    raise
                stop.set()
                continue
            running -= 1
            yield outcome
            yield from queue.settle(step, outcome)
    yield from (Cancelled(step.change) for step in queue.left())


def _pausing(stop: threading.Event) -> Pause:
    def pause(seconds: float) -> None:
        if stop.wait(seconds):
            raise ReconcilerError("stopped while waiting for AWS to catch up; the next run goes on from here")

    return pause


def _run_and_tell(
    step: Step, call: Call, answers: dict[Address, dict[str, Any]], pause: Pause, ended: _Ended
) -> None:
    ended.put((step, _run(step, call, answers, pause)))


def _run(step: Step, call: Call, answers: dict[Address, dict[str, Any]], pause: Pause) -> Outcome:
    begun = time.monotonic()
    request_ids: list[str] = []
    try:
        for asked in step.calls:
            answer = send(call, asked, answers, pause)
            answers[step.address].update(answer)
            request_ids.append(_request_id(answer))
    except ReconcilerError as error:
        return Failed(step.change, error, len(request_ids))
    except Exception as error:  # noqa: BLE001 (a fault of ours in one step must not leave the others untold)
        fault = ReconcilerError(f"a fault in reconciler itself: {type(error).__name__}: {error}")
        fault.__cause__ = error
        return Failed(step.change, fault, len(request_ids))
    return Applied(step.change, time.monotonic() - begun, tuple(request_ids))


def _request_id(answer: Mapping[str, Any]) -> str:
    return str(answer.get("ResponseMetadata", {}).get("RequestId", ""))


class _Ready:
    """The steps whose needs are applied, the one with the longest path behind it first; true while there is one."""

    def __init__(self, plan: Plan) -> None:
        self._steps = {step.address: step for step in plan.steps}
        self._open = {step.address: len(step.waits_for) for step in plan.steps}
        self._followers: defaultdict[Address, list[Address]] = defaultdict(list)
        for step in plan.steps:
            for before in step.waits_for:
                self._followers[before].append(step.address)
        depth: dict[Address, int] = {}
        for step in reversed(plan.steps):
            depth[step.address] = 1 + max(
                (depth[after] for after in self._followers[step.address]), default=0
            )
        self._rank = {step.address: (-depth[step.address], place) for place, step in enumerate(plan.steps)}
        self._left = dict.fromkeys(self._steps)
        self._heap = [(self._rank[address], address) for address, count in self._open.items() if not count]
        heapq.heapify(self._heap)

    def __bool__(self) -> bool:
        return bool(self._heap)

    def pop(self) -> Step:
        address = heapq.heappop(self._heap)[1]
        del self._left[address]
        return self._steps[address]

    def settle(self, step: Step, outcome: Outcome) -> Iterator[Outcome]:
        """Free what waited for an applied step; skip what waited for a failed one, and so on down."""
        if isinstance(outcome, Applied):
            for after in self._followers[step.address]:
                self._open[after] -= 1
                if not self._open[after] and after in self._left:
                    heapq.heappush(self._heap, (self._rank[after], after))
            return
        doomed = list(self._followers[step.address])
        while doomed:
            address = doomed.pop(0)
            if address in self._left:
                del self._left[address]
                yield Skipped(self._steps[address].change, step.address)
                doomed += self._followers[address]

    def left(self) -> Iterator[Step]:
        """The steps that were neither begun nor skipped."""
        return (self._steps[address] for address in self._left)
