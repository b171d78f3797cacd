"""Statuses of steps, calls and runs, as people read them."""

from __future__ import annotations

from collections.abc import Mapping

_LABELS: Mapping[str, str] = {
    "cancelled": "canceled",
    "answered": "completed",
    "refused": "rejected",
    "lost": "no response",
}
"""Stored status → its label; every other status is displayed as the journal stores it."""


def format_status(status: str) -> str:
    """Return a status of a step, a call or a run as people read it."""
    return _LABELS.get(status, status)


def format_status_counts(counts: Mapping[str, int]) -> str:
    """Format as `6 applied, 1 failed`, without the statuses that do not occur."""
    return ", ".join(f"{count:,} {format_status(status)}" for status, count in counts.items() if count)
