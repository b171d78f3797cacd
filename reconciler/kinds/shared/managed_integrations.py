"""Helpers for the kinds of AWS IoT managed integrations."""

from __future__ import annotations

import hashlib

SERVICE = "iot-managed-integrations"


def compute_sha256(text: str) -> str:
    """Return the SHA-256 of a text as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()
