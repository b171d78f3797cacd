"""Hypothesis strategies for the valid values of a shape: a type that a service model defines."""

import datetime as dt
import re
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from hypothesis import strategies as st

from reconciler.registry.wire.patterns import compile_pattern

EPOCH = dt.datetime.fromtimestamp(0, dt.UTC)
_MAX_EXTRA_LENGTH = 6
"""How many characters longer than necessary a text can be."""
_CHARACTERS = [chr(code) for code in range(0x20, 0x17F)] + ["\n", "\t", "\u2003", "\u4e2d", "\U0001f331"]
_PRINTABLE_ASCII = [chr(code) for code in range(0x21, 0x7F)]
"""The characters that a header can transport unchanged."""
_MAXIMUMS = {"integer": 2**31 - 1, "long": 2**63 - 1}
_JAVA_CLASSES = {r"\p{L}": "a-zé", r"\p{N}": "0-9", r"\p{Z}": " ", r"\p{Graph}": "!-~", r"\x{0022}": '"'}
"""Java's syntax for characters that Python's `re` does not know, and some of these characters in Python's syntax."""

JSON = st.recursive(
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(_CHARACTERS, max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(_CHARACTERS, max_size=4), inner, max_size=2)
    ),
    max_leaves=4,
)


def shape_values(shape: Shape, location: str | None = None) -> st.SearchStrategy[Any]:
    """Return a strategy for a shape's values.

    `location` is the part of the HTTP message that has the value, such as `header` or `uri`; None is the body. Texts and
    lists outside of the body are not empty.
    """
    if isinstance(shape, StructureShape):
        return _structures(shape)
    if isinstance(shape, ListShape):
        min_size = _get_min_size(shape, location)
        max_size = min(shape.metadata.get("max", min_size + 2), min_size + 2)
        return st.lists(shape_values(shape.member, location), min_size=min_size, max_size=max_size)
    if isinstance(shape, MapShape):
        min_size = shape.metadata.get("min", 0)
        return st.dictionaries(
            shape_values(shape.key), shape_values(shape.value), min_size=min_size, max_size=min_size + 2
        )
    return _scalars(shape, location)


def _get_min_size(shape: Shape, location: str | None) -> int:
    return max(shape.metadata.get("min", 0), 1 if location else 0)


def _structures(shape: StructureShape) -> st.SearchStrategy[Any]:
    if shape.metadata.get("document"):  # any JSON object
        return st.dictionaries(st.text(_CHARACTERS, max_size=4), JSON, max_size=2)
    members = {
        name: shape_values(member, member.serialization.get("location"))
        for name, member in shape.members.items()
    }
    return st.fixed_dictionaries(
        {name: members[name] for name in shape.required_members},
        optional={name: members[name] for name in members if name not in shape.required_members},
    )


def _scalars(shape: Shape, location: str | None) -> st.SearchStrategy[Any]:
    if shape.type_name in _MAXIMUMS:
        minimum = shape.metadata.get("min", 0)
        return st.integers(minimum, shape.metadata.get("max", _MAXIMUMS[shape.type_name]))
    if shape.type_name in ("float", "double"):
        return st.floats(shape.metadata.get("min", 0), shape.metadata.get("max", 100))
    if shape.type_name == "boolean":
        return st.booleans()
    if shape.type_name == "blob":
        return st.binary(min_size=1, max_size=8)
    if shape.type_name == "timestamp":
        return st.integers(0, 4_000_000_000_000).map(lambda number: EPOCH + dt.timedelta(milliseconds=number))
    return _texts(shape, location)


def _texts(shape: Shape, location: str | None) -> st.SearchStrategy[str]:
    if shape.metadata.get("enum"):
        return st.sampled_from(shape.metadata["enum"])
    min_size = _get_min_size(shape, location)
    max_size = min(shape.metadata.get("max", min_size + _MAX_EXTRA_LENGTH), min_size + _MAX_EXTRA_LENGTH)
    pattern = shape.metadata.get("pattern")
    alphabet = _PRINTABLE_ASCII if location == "header" else _CHARACTERS
    if pattern is None:
        return st.text(alphabet, min_size=min_size, max_size=max_size)
    compiled = compile_pattern(pattern)
    allowed_characters = [character for character in alphabet if compiled.fullmatch(character)]
    if not compiled.fullmatch(""):
        min_size = max(min_size, 1)
    # If the pattern only restricts the characters, texts of these characters are drawn with the right length. Texts that
    # are generated from any other pattern have any length, so those of wrong length are filtered out.
    if allowed_characters and compiled.fullmatch(allowed_characters[0] * max(min_size, 1)):
        return st.text(allowed_characters, min_size=min_size, max_size=max_size).filter(
            lambda text: compiled.fullmatch(text) is not None
        )
    limit = shape.metadata.get("max", 10**9)
    return _from_pattern(pattern).filter(lambda text: min_size <= len(text) <= limit)


@cache
def _from_pattern(pattern: str) -> st.SearchStrategy[str]:
    """Return a strategy for the texts that match a pattern of the service model."""
    for java_class, characters in _JAVA_CLASSES.items():
        pattern = pattern.replace(java_class, characters)
    return st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True)
