"""Interning: one object for equal values, to save memory."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

_Value = TypeVar("_Value", bound=Hashable)


class Interner:
    """A callable that replaces each value with the first equal one that it was called with.

    It saves memory because most resources of a large file depend on the same few others.
    """

    def __init__(self) -> None:
        self._values: dict[Hashable, Hashable] = {}

    def __call__(self, value: _Value) -> _Value:
        """Return the equal value of an earlier call if there was one, else `value` itself."""
        return self._values.setdefault(value, value)  # type: ignore[return-value]  # callers pass no equal values of two classes
