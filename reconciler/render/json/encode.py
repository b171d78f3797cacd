"""Value classes as JSON text: members in the order in which a class declares them, everything below them sorted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import msgspec


def encode_json(value: Any) -> str:
    """In one line, members sorted by name.

    `##[` would begin a command of GitHub's old runners wherever it stands in a log; in JSON it is only ever inside a text.
    """
    return msgspec.json.encode(value, order="sorted").decode().replace("##[", r"#\u0023[")


def encode_document(document: Any) -> Iterator[str]:
    """A document in pieces: a line for each member, and for each item of a list of objects."""
    for number, field in enumerate(attrs.fields(type(document))):
        yield f"{',' if number else '{'}\n{encode_json(field.name)}: "
        yield from _spread(getattr(document, field.name))
    yield "\n}\n"


def _spread(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple) and value and attrs.has(type(value[0])):
        yield from (f"{',' if number else '['}\n{encode_json(item)}" for number, item in enumerate(value))
        yield "\n]"
    else:
        yield encode_json(value)
