"""AWS's limits on values, as a protocol."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from reconciler.model.diagnostic import ValueProblem


class Constraints(Protocol):
    """AWS's limits on request members, independent of where they are read from."""

    def find_violations(
        self, service: str, member: str, value: object, *, secret: bool = False
    ) -> Iterable[ValueProblem]:
        """Return the problems of `value`, and of the values in it, with AWS's limits and types.

        `member` is the dotted path of a request member (`CreateThing.attributePayload.attributes`). With `secret`, the problems reveal nothing
        about the value. Raises LookupError if the API has no such member.
        """

    def list_operations(self, service: str) -> Collection[str]:
        """Return the names of a service's operations."""
