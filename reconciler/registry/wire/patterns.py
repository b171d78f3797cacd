r"""Translate the service models' patterns, which are Java's, to the dialect of the `regex` library.

Invariant: the whole value must match. `\w`, `\d`, `\s` and the POSIX classes mean ASCII, as in Java; `\p{L}`, `\p{N}`,
`\p{Z}` and `\p{C}` mean Unicode categories in both dialects. Java allows nested sets, and so does `regex` with VERSION1.
"""

from functools import cache
from typing import Protocol

import regex

_ASCII = {
    r"\w": "[a-zA-Z0-9_]",
    r"\W": "[^a-zA-Z0-9_]",
    r"\d": "[0-9]",
    r"\D": "[^0-9]",
    r"\s": r"[ \t\n\x0B\f\r]",
    r"\S": r"[^ \t\n\x0B\f\r]",
    r"\p{Graph}": r"[\x21-\x7E]",
    r"\p{Upper}": "[A-Z]",
    r"\p{Digit}": "[0-9]",
    r"\p{Cntrl}": r"[\x00-\x1F\x7F]",
}
_ESCAPE = regex.compile(r"\\x\{[0-9A-Fa-f]+\}|\\[pP]\{\^?\w+\}|\\.", regex.DOTALL)


class CompiledPattern(Protocol):
    """The only method of a compiled pattern that is used."""

    def fullmatch(self, string: str, /) -> object | None:
        """Return a match of the whole string, or None."""


@cache
def compile_pattern(java_pattern: str) -> CompiledPattern:
    """Compile a pattern of a service model. Raises `regex.error` when it is not valid."""
    pattern: CompiledPattern = regex.compile(translate(java_pattern), regex.VERSION1)
    return pattern


def translate(java_pattern: str) -> str:
    """Translate a Java pattern for `regex`."""
    return str(_ESCAPE.sub(lambda match: _translate_escape(match.group()), java_pattern))


def _translate_escape(escape: str) -> str:
    if escape.startswith(r"\x{"):
        return f"\\U{int(escape[3:-1], 16):08x}"
    return _ASCII.get(escape, escape)
