"""Durations in the file: "7d", "12h", "30m", "45s"."""

from __future__ import annotations

import re

DURATION_FORMAT = 'a number and a unit (s, m, h or d), such as "7d"'

DURATION_PATTERN = re.compile(r"([0-9]{1,6})([smhd])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> float | None:
    """Return the duration in seconds, or None if the text is not a valid duration."""
    match = DURATION_PATTERN.fullmatch(text)
    return float(int(match[1]) * _UNIT_SECONDS[match[2]]) if match else None
