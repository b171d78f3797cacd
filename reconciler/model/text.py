"""How messages put what was found: quoted, shortened, inert, and never more of it than helps."""

from __future__ import annotations

import datetime
import difflib
import unicodedata
from collections.abc import Collection, Iterable

_LONGEST = 60
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that a terminal obeys or that mislead a reader's eye."""
_SHORT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def quote(text: str) -> str:
    """The text in quotes: control characters escaped, cut where it gets long."""
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def quote_if_unsafe(part: str) -> str:
    """A name as it is when it is harmless, else quoted."""
    return part if part and part.isprintable() and len(part) <= 2 * _LONGEST else quote(part)


def format_path(path: Iterable[str | int]) -> str:
    """A path as one reads it: `attributes.site`, `certificates[0]`."""
    text = ""
    for part in path:
        text += (
            f"[{part}]"
            if isinstance(part, int)
            else f".{quote_if_unsafe(part)}"
            if text
            else quote_if_unsafe(part)
        )
    return text


def type_name(value: object) -> str:
    """What sort of TOML value it is."""
    match value:
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int():
            return "an integer"
        case float():
            return "a number"
        case dict():
            return "a table"
        case list():
            return "an array"
        case datetime.date() | datetime.time():
            return "a date or time"
        case _:
            return "something else"


def describe_value(value: object) -> str:
    """What a TOML value is, with what it says where that is short; tables and arrays are not unfolded."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"the string {quote(value)}"
        case int() if value.bit_length() <= 64:  # noqa: PLR2004 (bits of a TOML integer)
            return f"the integer {value}"
        case float():
            return f"the number {value}"
        case _:
            return type_name(value)


def format_choices(values: Iterable[str]) -> str:
    """`one of 'A', 'B'`, and only `'A'` where there is no other."""
    listed = [repr(value) for value in values]
    return listed[0] if len(listed) == 1 else f"one of {', '.join(listed)}"


def join_some(names: Iterable[str], few: int = 3) -> str:
    """The first few of some names, and how many more there are: `a, b, c and 17 more`."""
    found = list(names)
    more = f" and {len(found) - few:,} more" if len(found) > few else ""
    return ", ".join(map(quote_if_unsafe, found[:few])) + more


def closest_match(word: str, valid: Collection[str]) -> str | None:
    """The valid word that comes nearest to what was written, or None when none is near."""
    by_case = {candidate.casefold(): candidate for candidate in sorted(valid, reverse=True)}
    found = difflib.get_close_matches(word.casefold(), sorted(by_case), n=1)
    return by_case[found[0]] if found else None


def visible(text: str) -> str:
    r"""Return the text with everything escaped that would mislead a terminal or a reader's eye.

    Controls, escape sequences and bidirectional marks become `\x1b`, `\u202e`.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(mark) if unicodedata.category(mark) in _INVISIBLE else mark for mark in text)


def _escape(mark: str) -> str:
    if mark in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[mark]
    code = ord(mark)
    if code <= 0xFF:  # noqa: PLR2004 (the range of \x)
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 (the range of \u)
