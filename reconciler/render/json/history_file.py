"""The journal's runs as JSON values."""

from __future__ import annotations

import datetime
from typing import Any

import attrs


def history_to_json(history: Any) -> Any:
    """Convert a history, or one run with its steps and calls, to JSON values; times are in ISO 8601."""
    return attrs.asdict(history, value_serializer=_serialize)


def _serialize(_instance: Any, _field: Any, value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.datetime) else value
