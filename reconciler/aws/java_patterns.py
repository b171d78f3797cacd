"""Match values against the patterns of the service models, which are Java's.

The library `regex` is slow to import. Only texts that are not ASCII need it, and only for patterns with Unicode properties.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Protocol

from reconciler.frozen_classes import frozen

# Java's character classes as the ASCII characters that they match in Java. \s and \S are not translated, so that [\s\S] still
# matches everything.
_ASCII_CLASSES: Mapping[str, str] = {
    r"\p{Graph}": r"\x21-\x7e",
    r"\p{Upper}": "A-Z",
    r"\p{Digit}": "0-9",
    r"\p{Cntrl}": r"\x00-\x1f\x7f",
    r"\d": "0-9",
    r"\w": "0-9A-Za-z_",
}

# Unicode properties, which match the same characters in Java and in `regex`, as the ASCII characters among these.
_ASCII_PROPERTIES: Mapping[str, str] = {
    r"\p{L}": "A-Za-z",
    r"\p{N}": "0-9",
    r"\p{Z}": r"\x20",
    r"\p{C}": r"\x00-\x1f\x7f",
}
_PIECE = re.compile(r"\\x\{(?P<code>[0-9A-Fa-f]+)\}|\\p\{\w+\}|\\.|[\[\]]|[^\\\[\]]+", re.DOTALL)
_UNICODE_CLASS = re.compile(r"\\[pPsS]")


class Pattern(Protocol):
    """The only method of a compiled pattern that is used."""

    def fullmatch(self, string: str, /) -> object | None:
        """Return a match of the whole text, or None."""


@frozen(eq=False)
class _UnicodePattern:
    """A pattern with Unicode classes; `ascii_pattern` matches the same texts of ASCII characters."""

    translated: str
    ascii_pattern: Pattern

    def fullmatch(self, text: str) -> object | None:
        """Return a match of the whole text, or None."""
        return (self.ascii_pattern if text.isascii() else self._pattern).fullmatch(text)

    @cached_property
    def _pattern(self) -> Pattern:
        return _compile_with_regex(self.translated)


@cache
def compile_pattern(java_pattern: str) -> Pattern | None:
    """Compile a Java pattern, for use with `fullmatch`.

    Returns None if it cannot be read: a later model may contain new syntax, and AWS checks the value anyway.
    """
    translated = translate_pattern(java_pattern)
    try:
        ascii_pattern = re.compile(_translate_classes(translated, _ASCII_PROPERTIES), re.ASCII)
    except re.error:
        return _try_regex(translated)
    return _UnicodePattern(translated, ascii_pattern) if _UNICODE_CLASS.search(translated) else ascii_pattern


def _try_regex(translated: str) -> Pattern | None:
    import regex

    try:
        return _compile_with_regex(translated)
    except regex.error:
        return None


def _compile_with_regex(translated: str) -> Pattern:
    import regex

    pattern: Pattern = regex.compile(translated)
    return pattern


def translate_pattern(java_pattern: str) -> str:
    """Translate a Java pattern for `regex`."""
    return _translate_classes(java_pattern, _ASCII_CLASSES)


def _translate_classes(pattern: str, classes: Mapping[str, str]) -> str:
    """Replace classes by their characters, and escape what is a character itself."""
    pieces, depth = [], 0
    for match in _PIECE.finditer(pattern):
        piece = match[0]
        if match["code"]:
            pieces.append(re.escape(chr(int(match["code"], 16))))
        elif piece in classes:
            characters = classes[piece]
            pieces.append(characters if depth else f"[{characters}]")
        elif piece == "[" and depth:  # inside a class, taken as the character itself
            pieces.append(r"\[")
        else:
            depth += {"[": 1, "]": -1}.get(piece, 0)
            pieces.append(piece)
    return "".join(pieces)
