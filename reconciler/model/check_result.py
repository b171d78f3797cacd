"""What an examination finds: in order, doubtful, broken, or not looked at."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

Level = Literal["ok", "doubt", "broken", "unknown"]


@frozen
class Finding:
    """One thing that was looked at. `advice` is what to do next, where there is something to do."""

    level: Level
    about: str
    told: str
    advice: str | None = None
