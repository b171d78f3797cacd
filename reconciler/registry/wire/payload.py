"""Parse a body as JSON or as a form, and reject everything that could not be stored or returned.

Invariant: a document has only objects, arrays, valid Unicode strings, finite numbers, booleans and null. Not-a-number, numbers
with a fraction or exponent that are too large for a double, lone surrogates, bytes that are not UTF-8 and nesting that is too
deep are rejected. The size of integers is checked later, by type (`scalars`).
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn
from urllib.parse import parse_qs

# The JSON escape of a surrogate: a string can contain a lone surrogate only through such an escape.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_MAX_DEPTH = 100
_MAX_FORM_FIELDS = 1000


class MalformedError(Exception):
    """The request does not have the form of the protocol, or a member is of the wrong type."""


def load_json(body: bytes) -> Any:
    """Parse a body; return None when it is empty. Raises MalformedError."""
    if not body:
        return None
    try:
        text = body.decode("utf-8")
        document = json.loads(text, parse_constant=_reject_constant, parse_float=_parse_finite)
        if _SURROGATE.search(text):
            json.dumps(document, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise MalformedError("The request body is not valid JSON.") from error
    # The number of brackets is at least the depth and quick to find, so the depth of most documents is not measured.
    if text.count("[") + text.count("{") > _MAX_DEPTH and _measure_depth(document) > _MAX_DEPTH:
        raise MalformedError(f"The request body is nested deeper than {_MAX_DEPTH} levels.")
    return document


def load_form(body: bytes) -> Mapping[str, Sequence[str]]:
    """Parse a body as a form: the values of each field, in order. Raises MalformedError."""
    try:
        return parse_qs(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FORM_FIELDS
        )
    except ValueError as error:
        raise MalformedError("The request body is not a valid form.") from error


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _parse_finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _measure_depth(document: Any) -> int:
    max_depth, pending = 0, [(document, 0)]
    while pending:
        value, depth = pending.pop()
        if isinstance(value, dict | list):
            max_depth = max(max_depth, depth + 1)
            items = value.values() if isinstance(value, dict) else value
            pending.extend((item, depth + 1) for item in items)
    return max_depth
