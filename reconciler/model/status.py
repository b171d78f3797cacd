"""Counts of steps by status, as people read them."""

from __future__ import annotations

from collections.abc import Mapping


def format_status_counts(counts: Mapping[str, int]) -> str:
    """Return `6 applied, 1 failed`, without the statuses whose count is 0."""
    return ", ".join(f"{count:,} {status}" for status, count in counts.items() if count)
