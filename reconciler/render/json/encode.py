"""Value classes as JSON text.

The members of a document are in the order in which its class declares them; those of all values inside are sorted by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import msgspec

from reconciler.model.lazy_sequence import LazySequence
from reconciler.model.text import is_visible


def encode_json(value: Any) -> str:
    """Encode a value as one line of JSON, with sorted members.

    Characters that readers cannot see are escaped. So is `##[`, which anywhere in a log begins a command of GitHub's old
    runners. In JSON, both occur only inside strings.
    """
    encoded = _encode(value)
    if b"#" in encoded and b"##[" in encoded:  # finding one character is much faster
        encoded = encoded.replace(b"##[", rb"#\u0023[")
    if encoded.isascii():  # fast, and of these characters, JSON escapes all that are invisible but one
        return encoded.decode().replace("\x7f", r"\u007f")
    rare_characters = encoded.translate(None, delete=_VISIBLE_ASCII).decode()
    is_visible_text = rare_characters.isprintable()
    return encoded.decode() if is_visible_text else "".join(map(_escape_character, encoded.decode()))


def encode_document(document: Any) -> Iterator[str]:
    """Encode a document in pieces, with a line for each member and for each item of a list of objects."""
    for number, field in enumerate(attrs.fields(type(document))):
        yield f"{',' if number else '{'}\n{encode_json(field.name)}: "
        yield from _encode_member(getattr(document, field.name))
    yield "\n}\n"


def get_fields(value: Any, record_class: type) -> Mapping[str, Any]:
    """Return name → value for the fields of `record_class`, from which a record of a subclass is built."""
    return {name: getattr(value, name) for name in attrs.fields_dict(record_class)}


_VISIBLE_ASCII = bytes(range(0x20, 0x7F))


def _escape_character(character: str) -> str:
    return character if is_visible(character) else json.dumps(character)[1:-1]


_encode = msgspec.json.Encoder(order="sorted").encode


def _encode_member(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple | LazySequence) and value and attrs.has(type(value[0])):
        yield from (f"{',' if number else '['}\n{encode_json(item)}" for number, item in enumerate(value))
        yield "\n]"
    else:
        yield from _encode_in_pieces(value)


def _encode_in_pieces(value: Any) -> Iterator[str]:
    """Encode a value as one line, in pieces: of a lazy sequence in it, only one item is in memory."""
    match value:
        case LazySequence():
            yield "["
            yield from (f"{',' if number else ''}{encode_json(item)}" for number, item in enumerate(value))
            yield "]"
        case list() | tuple():
            yield "["
            for number, item in enumerate(value):
                yield "," if number else ""
                yield from _encode_in_pieces(item)
            yield "]"
        case _ if attrs.has(type(value)):
            for number, name in enumerate(sorted(attrs.fields_dict(type(value)))):
                yield f"{',' if number else '{'}{encode_json(name)}:"
                yield from _encode_in_pieces(getattr(value, name))
            yield "}"
        case _:
            yield encode_json(value)
