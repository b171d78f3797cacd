"""Times as the file writes them: "7d", "12h", "30m", "45s"."""

from __future__ import annotations

import re

DURATION_FORMAT = 'a number and s, m, h or d, such as "7d"'
"""How a time is written."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
DURATION_PATTERN = re.compile(r"([0-9]{1,6})([smhd])")


def parse_duration(text: str) -> float | None:
    """How many seconds that is; None when it is no time."""
    match = DURATION_PATTERN.fullmatch(text)
    return float(int(match[1]) * _UNITS[match[2]]) if match else None
