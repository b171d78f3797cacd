"""Durations in the file: "7d", "12h", "30m", "45s"; and durations for people."""

from __future__ import annotations

import re

DURATION_FORMAT = 'a number and a unit (s, m, h or d), such as "7d"'

DURATION_PATTERN = re.compile(r"([0-9]{1,6})([smhd])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def parse_duration(text: str) -> float | None:
    """Return the duration in seconds, or None if the text is not a valid duration."""
    match = DURATION_PATTERN.fullmatch(text)
    return float(int(match[1]) * _UNIT_SECONDS[match[2]]) if match else None


def format_span(seconds: float) -> str:
    """Format a duration with its two largest units: `6 d 3 h`, `7 d`, `45 s`."""
    remaining, parts = max(0, int(seconds)), list[str]()
    for unit_seconds, unit in _SPAN_UNITS:
        count, rest = divmod(remaining, unit_seconds)
        if parts and not count:
            break
        if count:
            parts.append(f"{count} {unit}")
            remaining = rest
        if len(parts) == 2:  # noqa: PLR2004 (two units)
            break
    return " ".join(parts) or "0 s"
