"""What an examination finds: in order, doubtful, broken, or not looked at."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

Level = Literal["ok", "warning", "error", "unknown"]


@frozen
class CheckResult:
    """One thing that was looked at. `advice` is what to do next, where there is something to do."""

    level: Level
    subject: str
    message: str
    advice: str | None = None
