r"""The service models' patterns, which are Java's, in the dialect of the `regex` library.

Law: the whole value must match. `\w`, `\d`, `\s` and the POSIX classes mean ASCII, as in Java; `\p{L}`, `\p{N}`, `\p{Z}`
and `\p{C}` mean Unicode's categories in both. Sets may stand inside sets in Java, and so in `regex`'s VERSION1.
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
    """The one thing that is asked of a compiled pattern."""

    def fullmatch(self, string: str, /) -> object | None:
        """Give something when the whole string matches."""


@cache
def compile_pattern(java: str) -> CompiledPattern:
    """Compile a pattern of the service model. Raises `regex.error` for one that is none."""
    pattern: CompiledPattern = regex.compile(translate(java), regex.VERSION1)
    return pattern


def translate(java: str) -> str:
    """Spell a Java pattern for `regex`."""
    return str(_ESCAPE.sub(lambda match: _translate_escape(match.group()), java))


def _translate_escape(escape: str) -> str:
    if escape.startswith(r"\x{"):
        return f"\\U{int(escape[3:-1], 16):08x}"
    return _ASCII.get(escape, escape)
