"""Documents as lines: indented JSON in full, with short objects and arrays on one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.model.text import escape_invisible

_MAX_LINE_LENGTH = 64
"""An object or an array that is longer is shown with a line for each of its members or items."""

_INDENT = "  "

JSON_TEXT_LABEL = "(JSON text) "
"""Stands before a string's value if the string is itself a JSON object, such as a policy document in a template."""


def format_document_lines(value: Any, format_leaf: Callable[[Any], str]) -> tuple[str, ...]:
    """Format a value from JSON or TOML as lines of JSON.

    `format_leaf` formats a string that is not a JSON object, so that secrets in it are not shown, and every object.
    """
    return tuple(_format_lines(value, "", "", format_leaf))


def parse_json_object(text: str) -> Mapping[str, Any] | None:
    """Return the object that a text is as JSON, or None for any other text."""
    if text.lstrip()[:1] != "{":
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _format_lines(value: Any, indent: str, head: str, format_leaf: Callable[[Any], str]) -> Iterator[str]:
    """Yield the lines of a value; `head` is the start of its first line, such as the member's name."""
    nested = parse_json_object(value) if isinstance(value, str) else None
    if nested is not None:
        value, head = nested, f"{head}{JSON_TEXT_LABEL}"
    if not isinstance(value, Mapping | list | tuple) or not value:
        yield f"{indent}{head}{_format_scalar(value, format_leaf)}"
        return
    inline = _format_inline(value, format_leaf, _MAX_LINE_LENGTH - len(indent))
    if inline is not None:
        yield f"{indent}{head}{inline}"
        return
    yield f"{indent}{head}{'{' if isinstance(value, Mapping) else '['}"
    items = [*_list_items(value)]
    for number, (name, item) in enumerate(items, 1):
        *lines, last_line = _format_lines(item, indent + _INDENT, name, format_leaf)
        yield from lines
        yield last_line + ("," if number < len(items) else "")
    yield f"{indent}{'}' if isinstance(value, Mapping) else ']'}"


def _list_items(value: Mapping[str, Any] | Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the start of the line and the value of every member or item."""
    if isinstance(value, Mapping):
        yield from ((f"{_quote(str(key))}: ", item) for key, item in value.items())
    else:
        yield from (("", item) for item in value)


def _format_inline(value: Any, format_leaf: Callable[[Any], str], max_length: int) -> str | None:
    """Format a value in one line, or return None if it is longer than `max_length`."""
    if not isinstance(value, Mapping | list | tuple) or not value:
        is_json_text = isinstance(value, str) and parse_json_object(value) is not None
        text = None if is_json_text else _format_scalar(value, format_leaf)
        return text if text is not None and len(text) <= max_length else None
    parts: list[str] = []
    for name, item in _list_items(value):
        text = _format_inline(item, format_leaf, max_length - len(name))
        if text is None:
            return None
        parts.append(name + text)
        max_length -= len(parts[-1]) + 2
        if max_length < 0:
            return None
    content = ", ".join(parts)
    return f"{{ {content} }}" if isinstance(value, Mapping) else f"[{content}]"


def _format_scalar(value: Any, format_leaf: Callable[[Any], str]) -> str:
    match value:
        case Mapping():
            return "{}"
        case list() | tuple():
            return "[]"
        case bool() | int() | float() | None:
            return json.dumps(value)
        case _:
            return format_leaf(value)


def _quote(text: str) -> str:
    return escape_invisible(json.dumps(text, ensure_ascii=False))
