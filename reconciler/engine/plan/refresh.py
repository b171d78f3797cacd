"""Reads the live registry: every kind's reading run at once, as many calls at a time as rates allow, then names given."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from types import MappingProxyType
from typing import Any, TypeAlias

from attrs import evolve, frozen

from reconciler.engine.calls.send import send
from reconciler.engine.plan.names import replace_ids_with_names
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import Read, Scope
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.reads import has_more_pages
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Batch, Call
from reconciler.model.errors import AwsError, TargetError
from reconciler.model.plan import Basis
from reconciler.model.resource import Desired, Inventory, Live

MAX_CONCURRENT_CALLS = 64
_MAX_CONCURRENT_CALLS_PER_KIND = 32
"""So that a kind whose quota makes its calls wait leaves room for those of the others."""

Names: TypeAlias = Mapping[tuple[str, str], str | None]

Progress = Callable[[str, int, int | None], None]
"""What is being done, how much of it is done, and out of how much where that is known."""


@frozen
class RefreshResult:
    """What is there. `closed` are the kinds that could not be looked at, and why: none that the file has anything of.

    `names` is what AWS's ids, by table, are called.
    `listed` are AWS's ids of all that the account's listings named on the way, by kind; `partly` are the kinds of which a
    listing was not read to its end.
    """

    live: Inventory
    unlisted: Mapping[str, str]
    names: Names
    listed: Mapping[str, AbstractSet[str]]
    partially_listed: AbstractSet[str]


NO_ACCESS_CODES = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedException", "UnknownOperationException"}
)
"""What AWS answers to who may not look, or where there is no such service."""


def refresh(  # noqa: PLR0913 (what is read, for whom, and with what)
    workspace: str,
    desired: Desired,
    call: Call,
    progress: Progress,
    moved: Mapping[Address, Address] = MappingProxyType({}),
    *,
    destroying: bool = False,
) -> RefreshResult:
    """Everything that the file wants or the workspace owns, by address. Raises AwsError and TargetError.

    `moved` are names that the file no longer has, and what they are called now.
    """
    whole = Scope(workspace, desired, is_destroy=destroying, moved=moved)
    kinds = all_kinds()
    counter = _Counter(progress)
    with ThreadPoolExecutor(MAX_CONCURRENT_CALLS) as pool, ThreadPoolExecutor(len(kinds)) as readers:
        pending: dict[str, Future[Sequence[Live] | str]] = {}
        for name in _reading_order(kinds):
            before = {other: pending[other] for other in kinds[name].reads_after}
            pending[name] = readers.submit(_read, kinds[name], whole, before, call, pool, counter)
        ended = {name: future.result() for name, future in pending.items()}
    live, names = assign_names(evolve(whole, live_by_kind=_Found(pending), now=time.time()))
    closed = {name: why for name, why in ended.items() if isinstance(why, str)}
    return RefreshResult(live, closed, names, counter.listed, counter.partly)


def reread(  # noqa: PLR0913 (what is read, for whom, and with what)
    kind: Kind,
    seen: Mapping[str, Live | None] | None,
    *,
    workspace: str,
    basis: Basis,
    call: Call,
    pool: Executor,
) -> Mapping[str, Live]:
    """Some resources of one kind as they are by now, by identity, with AWS's ids where they refer to others.

    `seen` says how each was when it was read before, None where it was not. Without it, it is what the workspace wants or owns
    of that kind, as far as its reading looks at no other.
    """
    scope = Scope(workspace, basis.desired, now=time.time(), previous_states=seen, moved=basis.moved)
    found = _run(kind, kind.read(scope), call, pool, _Counter(lambda *_: None))
    return {live.identity: live for live in found}


def assign_names(scope: Scope) -> tuple[Inventory, Names]:
    """Names in place of AWS's ids: the file's where it wants the resource, else what AWS calls it. Pure."""
    names: dict[tuple[str, str], str | None] = {}
    found: dict[Address, Live] = {}
    for table, kind in all_kinds().items():
        for live, name in _name(kind, scope):
            # What is kept for a while is no difference of whoever still refers to it.
            names[table, live.identity] = None if live.kept_until else name
            address = Address(table, name)
            wanted = scope.desired.get(address)
            found[wanted.address if wanted else address] = live
    return {
        address: evolve(live, spec=replace_ids_with_names(live.spec, names))
        for address, live in sorted(found.items())
    }, names


def _name(kind: Kind, scope: Scope) -> list[tuple[Live, str]]:
    wanted = {kind.identity(resource): resource for resource in scope.resources_of(kind.table)}
    read = scope.live_by_kind[kind.table]
    names = {live.identity: wanted[live.identity].address.name for live in read if live.identity in wanted}
    taken = set(names.values())
    missing = [resource for resource in scope.resources_of(kind.table) if resource.address.name not in taken]
    spare = sorted((live for live in read if live.identity not in names), key=lambda live: live.identity)
    for identity, name in kind.pair_unmatched(missing, spare, scope).items():
        if name not in taken:
            names[identity] = name
            taken.add(name)
    free = taken | {resource.address.name for resource in scope.resources_of(kind.table)}
    for live in spare:
        if live.identity not in names:
            told = live.declared_name
            names[live.identity] = told if told and told not in free else live.identity
            free.add(names[live.identity])
    return [(live, names[live.identity]) for live in read]


def _reading_order(kinds: Mapping[str, Kind]) -> list[str]:
    from graphlib import TopologicalSorter

    return list(
        TopologicalSorter({name: sorted(kind.reads_after) for name, kind in kinds.items()}).static_order()
    )


def _read(  # noqa: PLR0913, PLR0917 (run by a pool, which hands over what it was given)
    kind: Kind,
    whole: Scope,
    before: Mapping[str, Future[Sequence[Live] | str]],
    call: Call,
    pool: ThreadPoolExecutor,
    counter: _Counter,
) -> Sequence[Live] | str:
    """What is there of one kind. One that the file has nothing of may be closed to us: then it is said why."""
    scope = evolve(whole, live_by_kind=_Found(before), now=time.time())
    needed = any(True for _ in scope.resources_of(kind.table))
    try:
        return _run(kind, kind.read(scope), call, pool, counter)
    except AwsError as error:
        if needed or error.code not in NO_ACCESS_CODES:
            raise
        return str(error)
    except TargetError as error:
        if needed or kind.service == "iot":
            raise
        return str(error)


def _run(
    kind: Kind, reading: Read[Sequence[Live]], call: Call, pool: Executor, counter: _Counter
) -> Sequence[Live]:
    answers: Sequence[Mapping[str, Any]] | None = None
    while True:
        try:
            batch: Batch = next(reading) if answers is None else reading.send(answers)
        except StopIteration as stop:
            result: Sequence[Live] = stop.value
            return result
        counter.expect(len(batch))
        answers = [
            counter.done(kind, asked, answer)
            for asked, answer in zip(batch, _answers(batch, call, pool), strict=True)
        ]


def _answers(batch: Batch, call: Call, pool: Executor) -> Iterator[Mapping[str, Any]]:
    """The answers in their order, while so many of the calls are under way as one kind may have."""
    under_way: deque[Future[Mapping[str, Any]]] = deque()
    try:
        for asked in batch:
            if len(under_way) == _MAX_CONCURRENT_CALLS_PER_KIND:
                yield under_way.popleft().result()
            under_way.append(pool.submit(send, call, asked, {}))
        while under_way:
            yield under_way.popleft().result()
    finally:
        for left in under_way:
            left.cancel()


class _Found(Mapping[str, Sequence[Live]]):
    """What the readings of other kinds have found: who looks at one waits for its end, and no sooner."""

    def __init__(self, readings: Mapping[str, Future[Sequence[Live] | str]]) -> None:
        self._readings = readings

    def __getitem__(self, kind: str) -> Sequence[Live]:
        found = self._readings[kind].result()
        return () if isinstance(found, str) else found

    def __iter__(self) -> Iterator[str]:
        return iter(self._readings)

    def __len__(self) -> int:
        return len(self._readings)


class _Counter:
    """Tells how many of the calls that are known so far have been answered, and keeps what listings name."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._done = 0
        self._total = 0
        self.listed: defaultdict[str, set[str]] = defaultdict(set)
        self.partly: set[str] = set()

    def expect(self, count: int) -> None:
        with self._lock:
            self._total += count

    def done(self, kind: Kind, asked: ApiCall, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        with self._lock:
            self._done += 1
            if kind.listing and kind.listing.operation == asked.operation:
                self.listed[kind.table].update(kind.listing.ids(answer))
                if has_more_pages(answer):
                    self.partly.add(kind.table)
            self._progress(f"reading {kind.table.replace('_', ' ')}", self._done, self._total)
        return answer
