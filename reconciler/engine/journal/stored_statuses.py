"""The words for statuses in the journal's tables; journals of all versions have the same."""

from __future__ import annotations

from collections.abc import Mapping

LOST = "lost"
"""The stored status of a call without a response."""

_STORED_BY_STATUS: Mapping[str, str] = {
    "canceled": "cancelled",
    "completed": "answered",
    "rejected": "refused",
    "no response": LOST,
}
_STATUS_BY_STORED = {stored: status for status, stored in _STORED_BY_STATUS.items()}


def to_stored_status(status: str) -> str:
    """Return the word that the journal stores for a status of a step or of a call."""
    return _STORED_BY_STATUS.get(status, status)


def from_stored_status(stored: str) -> str:
    """Return the status of a step or of a call for a stored word."""
    return _STATUS_BY_STORED.get(stored, stored)
