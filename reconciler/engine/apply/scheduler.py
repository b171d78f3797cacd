"""The queue of ready steps: the steps whose dependencies are applied.

Steps of different kinds are taken in turn (round-robin), so that a low quota of one kind's API does not delay the other kinds. For
example, the certificates of things that are deleted already are deleted while further things are being deleted. Within a kind, the step with the longest path of
dependents comes first.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence

from reconciler.model.address import Address
from reconciler.model.outcome import Applied, Outcome, Skipped
from reconciler.model.plan import Plan, Step


class ReadyQueue:
    """The steps of a plan that are ready to start; true while there are any."""

    def __init__(self, plan: Plan) -> None:
        # In the order of the plan, which would build each step again whenever it is used.
        self._steps = {step.address: step for step in plan.steps}
        self._open_dependency_counts = {
            address: len(step.dependencies) for address, step in self._steps.items()
        }
        self._dependents: defaultdict[Address, list[Address]] = defaultdict(list)
        for address, step in self._steps.items():
            for dependency in step.dependencies:
                self._dependents[dependency].append(address)
        path_lengths = self._compute_path_lengths()
        # The lowest priority comes first: the longest path, then the earliest position in the plan.
        self._priorities = {
            address: (-path_lengths[address], position) for position, address in enumerate(self._steps)
        }
        self._unstarted_addresses = dict.fromkeys(self._steps)  # used as an ordered set
        self._heaps: defaultdict[str, list[tuple[tuple[int, int], Address]]] = defaultdict(list)
        self._kinds_in_turn: deque[str] = deque()
        for address, count in self._open_dependency_counts.items():
            if not count:
                self._push(address)

    def __bool__(self) -> bool:
        return bool(self._kinds_in_turn)

    def pop(self, max_steps: int) -> Sequence[Step]:
        """Remove and return the next steps, at most `max_steps`."""
        addresses: list[Address] = []
        while self._kinds_in_turn and len(addresses) < max_steps:
            kind = self._kinds_in_turn.popleft()
            heap = self._heaps[kind]
            addresses.append(heapq.heappop(heap)[1])
            if heap:
                self._kinds_in_turn.append(kind)
        for address in addresses:
            del self._unstarted_addresses[address]
        return [self._steps[address] for address in addresses]

    def finish(self, step: Step, outcome: Outcome) -> Iterator[Outcome]:
        """Process the end of a step; yield an outcome for each step that is skipped because of it.

        If the step was applied, dependents without other open dependencies become ready. If not, all its direct and indirect
        dependents are skipped.
        """
        if isinstance(outcome, Applied):
            for dependent in self._dependents[step.address]:
                self._open_dependency_counts[dependent] -= 1
                if not self._open_dependency_counts[dependent] and dependent in self._unstarted_addresses:
                    self._push(dependent)
            return
        blocked_addresses = deque(self._dependents[step.address])
        while blocked_addresses:
            address = blocked_addresses.popleft()
            if address in self._unstarted_addresses:
                del self._unstarted_addresses[address]
                yield Skipped(self._steps[address].change, step.address)
                blocked_addresses.extend(self._dependents[address])

    def iterate_unstarted(self) -> Iterator[Step]:
        """Iterate over the steps that were neither started nor skipped."""
        return (self._steps[address] for address in self._unstarted_addresses)

    def _push(self, address: Address) -> None:
        heap = self._heaps[address.kind]
        if not heap:
            self._kinds_in_turn.append(address.kind)
        heapq.heappush(heap, (self._priorities[address], address))

    def _compute_path_lengths(self) -> dict[Address, int]:
        """Return the length of the longest path of dependents that begins at each step."""
        lengths: dict[Address, int] = {}
        for address in reversed(self._steps):
            dependents = self._dependents[address]
            lengths[address] = 1 + max((lengths[dependent] for dependent in dependents), default=0)
        return lengths
