"""The texts of values that databases and tables of Python have in place of text."""

from __future__ import annotations

import datetime
import decimal
import math
import uuid
from collections.abc import Sequence
from numbers import Integral, Real
from typing import cast

from reconciler.engine.load.interpolation import RowValues
from reconciler.frozen_classes import frozen
from reconciler.model.diagnostic import InvalidValueError, ValueProblem
from reconciler.model.text import describe_value, format_count, is_unicode, type_name

MAX_INTEGER_BITS = 64

_EXPECTED = "a string, an integer, a boolean or a date"
_MISSING_TYPES = frozenset({"NAType", "NaTType"})
"""The types of pandas for missing values, which are not equal to themselves."""


@frozen
class UnreadableValue:
    """A value of a column that Python has no value for, such as a time with nanoseconds.

    `type` is the name of the column's type.
    """

    type: str


def to_row(values: Sequence[object], columns: Sequence[str]) -> RowValues:
    """Return the texts of a row. Raises InvalidValueError with the column of a value without one."""
    try:
        if "".join(texts := cast("Sequence[str]", values)).isascii():  # the fast way for rows of texts
            return tuple(texts)
    except TypeError:
        pass
    row: list[str] = []
    for column, value in zip(columns, values, strict=True):
        try:
            row.append(to_text(value))
        except InvalidValueError as error:
            raise error.nest_under(column) from None
    return tuple(row)


def to_text(value: object) -> str:
    """Return the text of a value: empty if it is missing, and in ISO 8601 if it is a date or a time.

    Raises InvalidValueError if its type has no text, or a text with several spellings, such as a float.
    """
    match value:
        case None:
            return ""
        case str():
            return check_unicode(value)
        case bool():
            return format_boolean(value)
        case int() | Integral():
            return format_integer(int(value))
        case datetime.date() | datetime.time() if type(value).__name__ not in _MISSING_TYPES:
            return value.isoformat()
        case decimal.Decimal() if value.is_finite():
            return str(value)
        case uuid.UUID():
            return str(value)
        case Real():
            if math.isnan(value):
                return ""
            expected = "a string, which keeps the spelling of the number"
            raise build_error("wrong-type", f"got {describe_value(float(value))}", expected)
        case _:
            return _convert_other(value)


def _convert_other(value: object) -> str:
    """Return the text of a missing value of pandas or of a boolean of NumPy, without importing either."""
    if type(value).__name__ in _MISSING_TYPES:
        return ""
    if type(value).__module__ == "numpy" and isinstance(item := value.item(), bool):  # type: ignore[attr-defined]
        return format_boolean(item)
    if isinstance(value, UnreadableValue):
        expected = "text in UTF-8, or a time in microseconds"
        raise build_error("wrong-type", f"Python cannot represent this {value.type}", expected)
    actual = format_count(len(value), "byte") if isinstance(value, bytes) else type_name(value)
    raise build_error("wrong-type", f"got {actual}", _EXPECTED)


def check_unicode(text: str) -> str:
    """Return a text. Raises InvalidValueError if it cannot be written as UTF-8."""
    if not is_unicode(text):
        raise build_error("invalid-unicode", "unpaired surrogate", "valid Unicode text")
    return text


def format_boolean(value: bool) -> str:  # noqa: FBT001 (the value that is formatted)
    """Return `true` or `false`."""
    return "true" if value else "false"


def format_integer(value: int) -> str:
    """Return the digits of an integer. Raises InvalidValueError if it has too many."""
    if value.bit_length() > MAX_INTEGER_BITS:
        expected = f"an integer of at most {MAX_INTEGER_BITS} bits, or a string"
        raise build_error("wrong-type", "the integer is too large", expected)
    return str(value)


def build_error(code: str, problem: str, expected: str | None = None) -> InvalidValueError:
    """Return the error with one problem."""
    return InvalidValueError(ValueProblem(code, problem, expected))
