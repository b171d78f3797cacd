"""AWS's limits on values, as a protocol."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from reconciler.model.diagnostic import ValueProblem


class Constraints(Protocol):
    """AWS's limits on request members, wherever they are read from."""

    def violations(
        self, service: str, member: str, value: object, *, secret: bool = False
    ) -> Iterable[ValueProblem]:
        """Return where `value` violates the limits of a request member.

        The member is a dotted path (`CreateThing.attributePayload.attributes`). With `secret`, the problems reveal nothing of the value. Raises LookupError when the API has no such member.
        """

    def operations(self, service: str) -> Collection[str]:
        """Return the names of a service's operations."""
