"""The journal's runs as JSON values."""

from __future__ import annotations

import datetime
from typing import Any

import attrs

HISTORY_FORMAT = "reconciler.history"
HISTORY_VERSION = 1


def history_to_json(history: Any) -> Any:
    """Convert a history, or one run with its steps and calls, to JSON values; times are in ISO 8601.

    The values of a history have the member `runs`; those of one run have `run`, `steps` and `calls`.
    """
    values = attrs.asdict(history, value_serializer=_serialize)
    return {"format": HISTORY_FORMAT, "version": HISTORY_VERSION, **values}


def _serialize(_instance: Any, _field: Any, value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.datetime) else value
