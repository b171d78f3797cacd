"""What a kind's check finds."""

from __future__ import annotations

from attrs import frozen


@frozen
class Problem:
    """Something wrong or doubtful in one resource. `field` is dotted, inside the resource's table; None is the table."""

    field: str | None
    problem: str
    expected: str | None = None
    severity: str = "error"
