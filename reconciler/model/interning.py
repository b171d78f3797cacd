"""Interning: one object for equal values, to save memory."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

_Value = TypeVar("_Value", bound=Hashable)


class Interner:
    """Replaces each value with the first equal one.

    In a large file, most resources depend on the same few others.
    """

    def __init__(self) -> None:
        self._values: dict[Hashable, Hashable] = {}

    def __call__(self, value: _Value) -> _Value:
        """Return an equal value of an earlier call, if any, else the value."""
        return self._values.setdefault(value, value)  # type: ignore[return-value]  # equal values are of one class
