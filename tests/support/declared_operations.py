"""Check in every test that a kind builds only calls of operations that its `Kind.operations` declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

import pytest

from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import Read
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.outside_services import OUTSIDE_TYPES
from reconciler.model.call import ApiCall
from reconciler.model.change import ACTIONS

OPERATIONS_OF_SECRETS = {"secretsmanager:CreateSecret"}
"""Operations that are needed only if the file names secrets, which the permissions then name, too."""


OUTSIDE_OPERATIONS = frozenset((item.service, item.operation) for item in OUTSIDE_TYPES.values())
"""The reads of resources of other services, which the permissions name if the file refers to such resources."""


def list_declared_operations() -> frozenset[tuple[str, str]]:
    """Return the service and name of every operation that any kind declares."""
    return frozenset(
        operation
        for kind in all_kinds().values()
        for purpose in ("read", "show", *ACTIONS)
        for operation in kind.list_operations(purpose)
    )


def forbid_undeclared_operations(patch: pytest.MonkeyPatch) -> None:
    """Make the methods of all kinds fail if they build a call of an undeclared operation.

    Only the methods that return the calls of reads or changes are affected.
    """
    for kind in all_kinds().values():
        patch.setattr(type(kind), "read", _wrap_read(type(kind).read, "read"))
        patch.setattr(type(kind), "read_status", _wrap_read(type(kind).read_status, "show"))
        for action in ACTIONS:
            patch.setattr(type(kind), action, _wrap_change(getattr(type(kind), action), action))


def _wrap_read(read: Callable[..., Read[Any]], purpose: str) -> Callable[..., Read[Any]]:
    @wraps(read)
    def checked_read(self: Kind, *args: Any) -> Read[Any]:
        # A read is a generator: it yields batches of calls, is sent their responses, and returns what it read.
        reading = read(self, *args)
        responses: Any = None
        while True:
            try:
                batch = reading.send(responses)
            except StopIteration as stop:
                return stop.value
            _check_calls(self, purpose, batch)
            responses = yield batch

    return checked_read


def _wrap_change(method: Callable[..., Sequence[ApiCall]], action: str) -> Callable[..., Any]:
    @wraps(method)
    def checked_change(self: Kind, *args: Any) -> Sequence[ApiCall]:
        calls = method(self, *args)
        _check_calls(self, action, calls)
        return calls

    return checked_change


def _check_calls(kind: Kind, purpose: str, calls: Iterable[ApiCall]) -> None:
    declared_operations = {":".join(operation) for operation in kind.list_operations(purpose)}
    undeclared = set(map(str, calls)) - declared_operations - OPERATIONS_OF_SECRETS
    assert not undeclared, f"{kind.table} does not declare {sorted(undeclared)} to {purpose}"
