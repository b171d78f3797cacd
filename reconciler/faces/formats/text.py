"""Value classes as JSON text: members in the order in which a class declares them, everything below them sorted."""

from __future__ import annotations

from typing import Any

import attrs
import msgspec


def encode(value: Any) -> str:
    """In one line, members sorted by name.

    `##[` would begin a command of GitHub's old runners wherever it stands in a log; in JSON it is only ever inside a text.
    """
    return msgspec.json.encode(value, order="sorted").decode().replace("##[", r"#\u0023[")


def laid_out(document: Any) -> str:
    """A document: a line for each member, and for each item of a list of objects."""
    names = [field.name for field in attrs.fields(type(document))]
    members = (f"{encode(name)}: {_spread(getattr(document, name))}" for name in names)
    return "{\n" + ",\n".join(members) + "\n}\n"


def _spread(value: Any) -> str:
    if isinstance(value, list | tuple) and value and attrs.has(type(value[0])):
        return "[\n" + ",\n".join(map(encode, value)) + "\n]"
    return encode(value)
