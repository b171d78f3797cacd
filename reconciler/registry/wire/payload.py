"""Bytes → JSON document, refusing everything that could not be stored or answered again.

Law: what comes out holds only objects, arrays, valid Unicode texts, finite numbers, booleans and null. Not-a-number,
numbers beyond a double, lone surrogates, bytes that are not UTF-8 and nesting beyond the interpreter's depth are refused.
"""

import json
import math
import re
from typing import Any, NoReturn

# A text that has a lone surrogate can only come from such an escape.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_MAX_DEPTH = 100


class MalformedError(Exception):
    """The request is not of the form that the protocol has, or a member is not of its type."""


def load_json(body: bytes) -> Any:
    """Give the document; None for an empty body. Raises MalformedError."""
    if not body:
        return None
    try:
        text = body.decode("utf-8")
        document = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
        if _SURROGATE.search(text):
            json.dumps(document, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise MalformedError("The request body is not valid JSON.") from error
    if text.count("[") + text.count("{") > _MAX_DEPTH and _depth(document) > _MAX_DEPTH:
        raise MalformedError(f"The request body is nested deeper than {_MAX_DEPTH} levels.")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _depth(document: Any) -> int:
    deepest, waiting = 0, [(document, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list):
            deepest = max(deepest, depth + 1)
            waiting.extend(
                (item, depth + 1) for item in (value.values() if isinstance(value, dict) else value)
            )
    return deepest
