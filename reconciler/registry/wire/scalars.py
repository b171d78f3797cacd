"""Scalar types: how they are converted from JSON and from text, and which numbers they can hold.

Invariant: a conversion takes a value and its path, and returns the value that a botocore client would have been called
with, or raises MalformedError. Timestamps become aware datetimes in UTC.
"""

import base64
import binascii
import math
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.model import Shape

from reconciler.registry.wire.payload import MalformedError

Convert = Callable[[Any, str], Any]

# The bits of each integer type, without the bit of the sign.
_BITS = {"integer": 31, "long": 63}
_LOCATION_TIMESTAMPS = {"querystring": "iso8601", "uri": "iso8601", "header": "rfc822"}
# A text with this many digits is rejected before it is converted, because converting a long one is slow.
_MAX_DIGITS = 400


def choose_json_converter(shape: Shape) -> Convert:
    """Return the conversion of a JSON value of this shape."""
    if shape.type_name == "timestamp":
        return _build_timestamp_converter(shape.serialization.get("timestampFormat", "unixTimestamp"))
    return _FROM_JSON[shape.type_name]


def choose_text_converter(shape: Shape, location: str) -> Convert:
    """Return the conversion of a string in the path, the query or a header."""
    if shape.type_name == "timestamp":
        timestamp_format = shape.serialization.get("timestampFormat", _LOCATION_TIMESTAMPS[location])
        return lambda value, path: _parse_timestamp(value, path, timestamp_format)
    if shape.type_name in _BITS:
        bits = _BITS[shape.type_name]
        return lambda value, path: _parse_integer(value, path, bits)
    return _FROM_TEXT[shape.type_name]


def _to_string(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise MalformedError(f"{path} is not a string.")
    return value


def _to_boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise MalformedError(f"{path} is not a boolean.")
    return value


def _parse_boolean(value: str, path: str) -> bool:
    if value not in ("true", "false"):
        raise MalformedError(f"{path} is not a boolean.")
    return value == "true"


def _build_integer_converter(bits: int) -> Convert:
    def convert(value: Any, path: str) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not -(2**bits) <= value < 2**bits:
            raise MalformedError(f"{path} is not an integer of {bits + 1} bits.")
        return value

    return convert


def _parse_integer(value: str, path: str, bits: int) -> int:
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < _MAX_DIGITS):
        raise MalformedError(f"{path} is not an integer.")
    number: int = _build_integer_converter(bits)(int(value), path)
    return number


def _to_double(value: Any, path: str) -> float:
    if isinstance(value, str | bool):
        raise MalformedError(f"{path} is not a number.")
    return _to_finite(value, path)


def _to_finite(value: Any, path: str) -> float:
    try:
        number = float(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise MalformedError(f"{path} is not a number.") from error
    if not math.isfinite(number):
        raise MalformedError(f"{path} is not a finite number.")
    return number


def _to_bytes(value: Any, path: str) -> bytes:
    try:
        return base64.b64decode(_to_string(value, path).encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise MalformedError(f"{path} is not base64.") from error


def _build_timestamp_converter(timestamp_format: str) -> Convert:
    def convert(value: Any, path: str) -> datetime:
        if isinstance(value, str):
            return _parse_timestamp(value, path, timestamp_format)
        return _to_timestamp(_to_double(value, path), path)

    return convert


def _parse_timestamp(value: str, path: str, timestamp_format: str) -> datetime:
    if timestamp_format == "unixTimestamp":
        return _to_timestamp(_to_finite(value, path), path)
    parse = datetime.fromisoformat if timestamp_format == "iso8601" else parsedate_to_datetime
    try:
        timestamp = parse(value)
        return timestamp.replace(tzinfo=UTC) if timestamp.tzinfo is None else timestamp.astimezone(UTC)
    except (ValueError, OverflowError, TypeError) as error:
        raise MalformedError(f"{path} is not a timestamp.") from error


def _to_timestamp(seconds: float, path: str) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise MalformedError(f"{path} is not a timestamp.") from error


_FROM_JSON: dict[str, Convert] = {
    "string": _to_string,
    "character": _to_string,
    "boolean": _to_boolean,
    "integer": _build_integer_converter(_BITS["integer"]),
    "long": _build_integer_converter(_BITS["long"]),
    "float": _to_double,
    "double": _to_double,
    "blob": _to_bytes,
}
_FROM_TEXT: dict[str, Convert] = {
    "string": _to_string,
    "character": _to_string,
    "boolean": _parse_boolean,
    "float": _to_finite,
    "double": _to_finite,
    "blob": _to_bytes,
}
