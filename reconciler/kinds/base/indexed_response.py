"""Search a listing that many re-reads share.

A re-read of one resource needs a few of a listing's thousands of items. Without an index, the time for all re-reads would grow with the
square of the fleet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, TypeVar

from reconciler.kinds.base.context import Response

_T = TypeVar("_T")


class IndexedResponse(dict[str, Any]):
    """A response that keeps the indexes of its lists; it must not change anymore.

    Thread-safe: threads that need the same index at the same time may build it twice.
    """

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        self.indexes: dict[tuple[str, ...], Any] = {}


def index_items(response: Response, items: str, key: str) -> Mapping[str, Response]:
    """Return the items of a response's member `items`, by the value of their member `key`."""
    return _build_once(response, (items, key), lambda: {item[key]: item for item in response[items]})


def collect_values(response: Response, member: str) -> AbstractSet[str]:
    """Return the values in a response's member, which is a list; an empty set without that member."""
    return _build_once(response, (member,), lambda: frozenset(response.get(member, ())))


def _build_once(response: Response, name: tuple[str, ...], build: Callable[[], _T]) -> _T:
    if not isinstance(response, IndexedResponse):
        return build()
    if name not in response.indexes:
        response.indexes[name] = build()
    index: _T = response.indexes[name]
    return index
