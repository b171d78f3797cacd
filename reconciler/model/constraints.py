"""What AWS's limits say of one value, and the one question by which they are asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from attrs import frozen


@frozen
class ValueProblem:
    """One way in which a value is not what AWS takes. `path` leads to it inside the value: a map's key, a list's index."""

    problem: str
    expected: str | None = None
    nearest: str | None = None
    path: tuple[str | int, ...] = ()


class Constraints(Protocol):
    """AWS's limits, wherever they are read from."""

    def violations(
        self, service: str, member: str, value: object, *, secret: bool = False
    ) -> Iterable[ValueProblem]:
        """Where `value` breaks the limits of a request member (`CreateThing.attributePayload.attributes`).

        With `secret` nothing of the value is told. Raises LookupError when the API has no such member.
        """

    def operations(self, service: str) -> Collection[str]:
        """The names of a service's operations."""
