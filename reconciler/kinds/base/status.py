"""The status of a live resource: facts that AWS reports and no file can declare."""

from __future__ import annotations

import datetime


def format_time(time: datetime.datetime | None) -> str | None:
    """Return the time of a response in ISO 8601, in UTC and in seconds; None without a time."""
    if time is None:
        return None
    return f"{time.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
