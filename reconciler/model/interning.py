"""One object in place of many that are equal."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

_Value = TypeVar("_Value", bound=Hashable)


class Interner:
    """Gives the first of all that are equal. In a fleet most resources need the same few others, and each is named by many."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Hashable] = {}

    def __call__(self, value: _Value) -> _Value:
        """The value itself, or one that was given before and is equal to it."""
        return self._known.setdefault(value, value)  # type: ignore[return-value]  # equal values are of one class
