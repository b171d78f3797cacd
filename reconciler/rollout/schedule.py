"""The order of a rollout: which environments may start, given those that have finished.

- An environment starts after all environments in its `after` have succeeded. If one of them is not a part of the rollout, those
  before it take its place.
- The environments of one table with `for_each` are a group. With waves, such as 1, 10 % and 50 %, the first wave of a group has one
  environment; a later wave begins when all environments of the earlier ones have finished.
- When more environments have failed than allowed, no other starts.

Invariant: an environment starts at most once, and every environment either finishes or is blocked.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from graphlib import TopologicalSorter

from attrs import Factory, define

from reconciler.frozen_classes import frozen
from reconciler.model.amount import MAX_PERCENT, parse_amount
from reconciler.model.settings import Environment


@frozen
class FailureLimit:
    """The maximum number of failed environments: a count, or a percentage of all environments."""

    text: str
    count: int | None = None
    percent: float | None = None

    @classmethod
    def parse(cls, text: str) -> FailureLimit:
        """Parse `2` or `10%`. Raises ValueError."""
        amount, is_percentage = parse_amount(text, "limit")
        return cls(text, percent=float(amount)) if is_percentage else cls(text, count=amount)

    def compute(self, total: int) -> int:
        """Return the maximum number of failures among `total` environments."""
        return self.count if self.count is not None else math.floor(total * (self.percent or 0) / MAX_PERCENT)


@frozen
class Waves:
    """The sizes of a group's waves, as cumulative counts or percentages: `1,10%,50%,100%`.

    `sizes` has a count and False, or a percentage and True, for each wave.
    """

    sizes: tuple[tuple[int, bool], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Waves:
        """Parse sizes that are separated by commas. Raises ValueError."""
        parts = text.split(",")
        sizes = tuple(parse_amount(part, "wave size") for part in parts)
        for part, (amount, _) in zip(parts, sizes, strict=True):
            if amount == 0:
                raise ValueError(
                    f"{part!r} is not a valid wave size; expected more than 0, as in 1,10%,50%,100%"
                )
        for unit in (False, True):
            amounts = [amount for amount, is_percent in sizes if is_percent is unit]
            if amounts != sorted(amounts):
                raise ValueError(
                    f"{text!r} has a wave that is smaller than the one before; sizes are cumulative, as in 1,10%,50%,100%"
                )
        return cls(sizes)

    def split(self, names: Sequence[str]) -> list[list[str]]:
        """Return the names of a group in waves; without sizes, one wave. The last wave has all that are left."""
        ends: list[int] = []
        for amount, is_percentage in self.sizes:
            end = math.ceil(len(names) * amount / MAX_PERCENT) if is_percentage else amount
            ends.append(min(max(end, ends[-1] if ends else 1), len(names)))
        starts = [0, *ends]
        waves = [list(names[start:end]) for start, end in zip(starts, [*ends, len(names)], strict=True)]
        return [wave for wave in waves if wave]


@frozen
class ScheduledEnvironment:
    """An environment in a rollout: its name, its group, and the environments that it waits for."""

    name: str
    group: str
    after: Collection[str] = ()


def schedule_in_order(
    environments: Sequence[Environment], after: Mapping[str, Collection[str]]
) -> Sequence[ScheduledEnvironment]:
    """Return the environments of an apply; those of one table are a group.

    `after` is that of all environments of the file.
    """
    predecessors = find_predecessors(after, {environment.name for environment in environments})
    return [
        ScheduledEnvironment(
            environment.name,
            f"{environment.origin.file}\0{environment.table}",
            predecessors[environment.name],
        )
        for environment in environments
    ]


def find_predecessors(
    after: Mapping[str, Collection[str]], selected: Collection[str]
) -> Mapping[str, frozenset[str]]:
    """Return environment → the selected environments that must succeed before it, given its `after`.

    An environment that is not selected is replaced by those before it, so that the others keep their order.
    """
    predecessors: dict[str, frozenset[str]] = {}
    for name in TopologicalSorter(after).static_order():
        own = frozenset(after.get(name, ()))
        left_out = [predecessors[earlier] for earlier in own if earlier not in selected]
        predecessors[name] = own.intersection(selected).union(*left_out)
    return predecessors


@define
class Schedule:
    """The state of a rollout.

    `after` of an environment that is not a part of the rollout is ignored.
    """

    environments: Sequence[ScheduledEnvironment]
    waves: Waves = Waves()
    max_failures: int = 0
    _waiting: dict[str, ScheduledEnvironment] = Factory(dict)
    _running: set[str] = Factory(set)
    _succeeded: set[str] = Factory(set)
    _failed: set[str] = Factory(set)
    _earlier_waves: dict[str, frozenset[str]] = Factory(dict)
    _predecessors: dict[str, frozenset[str]] = Factory(dict)
    _is_stopped: bool = False

    def __attrs_post_init__(self) -> None:
        self._waiting = {environment.name: environment for environment in self.environments}
        self._predecessors = {
            name: frozenset(environment.after) & self._waiting.keys()
            for name, environment in self._waiting.items()
        }
        names_by_group: defaultdict[str, list[str]] = defaultdict(list)
        for environment in self.environments:
            names_by_group[environment.group].append(environment.name)
        for names in names_by_group.values():
            earlier: list[str] = []
            for wave in self.waves.split(names):
                self._earlier_waves |= dict.fromkeys(wave, frozenset(earlier))
                earlier += wave

    def start_ready(self) -> list[str]:
        """Return the environments that may start now, and mark them as running."""
        if self._is_stopped or len(self._failed) > self.max_failures:
            return []
        finished = self._succeeded | self._failed
        ready = [
            name
            for name in self._waiting
            if self._predecessors[name] <= self._succeeded and self._earlier_waves[name] <= finished
        ]
        for name in ready:
            del self._waiting[name]
        self._running |= set(ready)
        return ready

    def finish(self, name: str, *, is_success: bool) -> None:
        """Record that an environment has finished."""
        self._running.discard(name)
        (self._succeeded if is_success else self._failed).add(name)

    def stop(self) -> None:
        """Start no other environment."""
        self._is_stopped = True

    def list_blocked(self) -> Iterator[tuple[str, str]]:
        """Yield the environments that were not started, and why."""
        for name in self._waiting:
            failed = sorted(self._predecessors[name] & self._failed)
            blocked = sorted(self._predecessors[name] & self._waiting.keys())
            if self._is_stopped:
                yield name, "the rollout was stopped"
            elif failed:
                yield name, f"{failed[0]} failed"
            elif len(self._failed) > self.max_failures:
                yield name, f"{len(self._failed)} environments failed, at most {self.max_failures} may"
            elif blocked:
                yield name, f"{blocked[0]} was not started"
            else:
                yield name, "an earlier wave was not completed"
