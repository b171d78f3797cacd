r"""Translate the service models' patterns, which are Java's, for `re` or, if they need it, `regex`.

Invariant: the whole value must match. `\w`, `\d`, `\s` and the POSIX classes mean ASCII, as in Java; `\p{L}`, `\p{N}`,
`\p{Z}` and `\p{C}` mean Unicode categories in Java and in `regex`. Java allows nested sets, and so does `regex` with VERSION1.

The library `regex` is slow to import, so it is imported for the first value whose pattern `re` cannot match.
"""

import re
from functools import cache
from typing import Protocol

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
_ESCAPE = re.compile(r"\\x\{[0-9A-Fa-f]+\}|\\[pP]\{\^?\w+\}|\\.", re.DOTALL)

_NEEDS_REGEX = re.compile(r"\\[pPu]|\[(?:\\.|[^\\\]])*?(?:\[|--|&&|~~|\|\|)", re.DOTALL)
"""Matches Unicode categories and code points, and sets that may contain sets."""


class CompiledPattern(Protocol):
    """The only method of a compiled pattern that is used."""

    def fullmatch(self, string: str, /) -> object | None:
        """Return a match of the whole string, or None."""


@cache
def compile_pattern(java_pattern: str) -> CompiledPattern:
    """Compile a pattern of a service model. Raises `re.error` or `regex.error` when it is not valid."""
    translated = translate(java_pattern)
    if not _NEEDS_REGEX.search(translated):
        return re.compile(translated)
    import regex

    pattern: CompiledPattern = regex.compile(translated, regex.VERSION1)
    return pattern


def translate(java_pattern: str) -> str:
    """Translate a Java pattern for `re` or `regex`."""
    return str(_ESCAPE.sub(lambda match: _translate_escape(match.group()), java_pattern))


def _translate_escape(escape: str) -> str:
    if escape.startswith(r"\x{"):
        return f"\\U{int(escape[3:-1], 16):08x}"
    return _ASCII.get(escape, escape)
