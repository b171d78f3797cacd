"""Which steps of a plan can run: those whose needs are applied.

The kinds take turns, for each has quotas of its own, and what waits for one leaves the others free: things that go do not
keep the certificates waiting that they have let go of. Of one kind the step with the longest path behind it is first.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence

from reconciler.model.address import Address
from reconciler.model.outcome import Applied, Outcome, Skipped
from reconciler.model.plan import Plan, Step


class ReadyQueue:
    """The steps whose needs are applied; true while there is one."""

    def __init__(self, plan: Plan) -> None:
        self._steps = {step.address: step for step in plan.steps}
        self._open = {step.address: len(step.dependencies) for step in plan.steps}
        self._followers: defaultdict[Address, list[Address]] = defaultdict(list)
        for step in plan.steps:
            for before in step.dependencies:
                self._followers[before].append(step.address)
        depth: dict[Address, int] = {}
        for step in reversed(plan.steps):
            depth[step.address] = 1 + max(
                (depth[after] for after in self._followers[step.address]), default=0
            )
        self._rank = {step.address: (-depth[step.address], place) for place, step in enumerate(plan.steps)}
        self._left = dict.fromkeys(self._steps)
        self._heaps: defaultdict[str, list[tuple[tuple[int, int], Address]]] = defaultdict(list)
        self._turns: deque[str] = deque()
        for address, count in self._open.items():
            if not count:
                self._push(address)

    def __bool__(self) -> bool:
        return bool(self._turns)

    def pop(self, most: int) -> Sequence[Step]:
        """The next steps, `most` of them at the most."""
        addresses: list[Address] = []
        while self._turns and len(addresses) < most:
            heap = self._heaps[kind := self._turns.popleft()]
            addresses.append(heapq.heappop(heap)[1])
            if heap:
                self._turns.append(kind)
        for address in addresses:
            del self._left[address]
        return [self._steps[address] for address in addresses]

    def _push(self, address: Address) -> None:
        heap = self._heaps[address.kind]
        if not heap:
            self._turns.append(address.kind)
        heapq.heappush(heap, (self._rank[address], address))

    def settle(self, step: Step, outcome: Outcome) -> Iterator[Outcome]:
        """Free what waited for an applied step; skip what waited for a failed one, and so on down."""
        if isinstance(outcome, Applied):
            for after in self._followers[step.address]:
                self._open[after] -= 1
                if not self._open[after] and after in self._left:
                    self._push(after)
            return
        doomed = list(self._followers[step.address])
        while doomed:
            address = doomed.pop(0)
            if address in self._left:
                del self._left[address]
                yield Skipped(self._steps[address].change, step.address)
                doomed += self._followers[address]

    def unstarted(self) -> Iterator[Step]:
        """The steps that were neither begun nor skipped."""
        return (self._steps[address] for address in self._left)
