"""Results of health checks."""

from __future__ import annotations

from typing import Literal

from reconciler.frozen_classes import frozen

Level = Literal["ok", "warning", "error", "unknown"]
"""The level of a result; "unknown" means that the check could not be made."""


@frozen
class CheckResult:
    """The result of one health check; `advice` is the next step, if any."""

    level: Level
    subject: str
    message: str
    advice: str | None = None
