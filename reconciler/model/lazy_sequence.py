"""Lazy sequences: items that are computed whenever they are used, to save memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

SourceT = TypeVar("SourceT")
ItemT = TypeVar("ItemT")


class _ComparedByItems(Sequence[ItemT]):
    """A sequence that is equal to any list or tuple with equal items."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list | tuple | _ComparedByItems):
            return NotImplemented
        return len(self) == len(other) and all(map(_is_equal, self, other))

    __hash__ = None  # type: ignore[assignment]  # like a list

    def __repr__(self) -> str:
        return repr(tuple(self))


class LazySequence(_ComparedByItems[ItemT], Generic[SourceT, ItemT]):
    """A sequence of the results of a pure function, one for each of the `sources`.

    A plan of a large fleet has millions of steps and lines; only those that are in use are in memory.
    """

    __slots__ = ("_compute", "sources")

    def __init__(self, compute: Callable[[SourceT], ItemT], sources: Sequence[SourceT]) -> None:
        self._compute = compute
        self.sources = sources

    @overload
    def __getitem__(self, index: int) -> ItemT: ...
    @overload
    def __getitem__(self, index: slice) -> LazySequence[SourceT, ItemT]: ...
    def __getitem__(self, index: int | slice) -> ItemT | LazySequence[SourceT, ItemT]:
        if isinstance(index, slice):
            return LazySequence(self._compute, self.sources[index])
        return self._compute(self.sources[index])

    def __iter__(self) -> Iterator[ItemT]:
        return map(self._compute, self.sources)

    def __len__(self) -> int:
        return len(self.sources)


class LazyItems(_ComparedByItems[ItemT], Generic[SourceT, ItemT]):
    """The items that a pure function finds in a value, such as the fields of a resource."""

    __slots__ = ("_find_items", "_source")

    def __init__(self, find_items: Callable[[SourceT], Iterable[ItemT]], source: SourceT) -> None:
        self._find_items = find_items
        self._source = source

    @overload
    def __getitem__(self, index: int) -> ItemT: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ItemT]: ...
    def __getitem__(self, index: int | slice) -> ItemT | Sequence[ItemT]:
        return tuple(self)[index]

    def __iter__(self) -> Iterator[ItemT]:
        return iter(self._find_items(self._source))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _is_equal(item: Any, other: Any) -> bool:
    return bool(item == other)
