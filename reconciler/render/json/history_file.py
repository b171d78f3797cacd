"""Runs as JSON values."""

from __future__ import annotations

import datetime
from typing import Any

import attrs


def history_to_json(value: Any) -> Any:
    """Runs, or one of them whole, as JSON has it: times in ISO 8601."""
    return attrs.asdict(value, value_serializer=_plain)


def _plain(_instance: Any, _field: Any, value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.datetime) else value
