"""Lazy sequences: items that are computed whenever they are used, to save memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

SourceT = TypeVar("SourceT")
ItemT = TypeVar("ItemT")


class LazySequence(Sequence[ItemT], Generic[SourceT, ItemT]):
    """A sequence of the results of a pure function, one for each of the `sources`.

    A plan of a large fleet has millions of steps and lines; only those that are in use are in memory. It is equal to any list or
    tuple with equal items.
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

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list | tuple | LazySequence):
            return NotImplemented
        return len(self) == len(other) and all(map(_is_equal, self, other))

    __hash__ = None  # type: ignore[assignment]  # like a list

    def __repr__(self) -> str:
        return repr(tuple(self))


def _is_equal(item: Any, other: Any) -> bool:
    return bool(item == other)
