"""AWS's regular expressions in words, where they only say which characters there may be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_MATCH = "a match of "
"""How an expected value begins that is a regular expression."""

_ONE_CLASS = re.compile(r"\^?\(?\[(?P<inside>(?:\\.|[^\[\]\\])+)\][+*]\)?\$?", re.DOTALL)
_ITEM = re.compile(
    r"(?P<named>\\p\{\w+\}|\\[wds])|(?P<low>\\x20|[^\\])-(?P<high>\\x7[eE]|[^\\])"
    r"|\\x(?:\{0*)?(?P<code>[0-9A-Fa-f]{2})\}?|\\?(?P<mark>[^\w\\]|(?<=\\)\\|\w)"
)
_WORDS: Mapping[str, tuple[str, ...]] = {
    "a-z": ("lower-case letters",),
    "A-Z": ("capital letters",),
    "0-9": ("digits",),
    r"\d": ("digits",),
    r"\w": ("letters", "digits", "_"),
    r"\s": ("white space",),
    r"\p{L}": ("letters of any script",),
    r"\p{N}": ("digits of any script",),
    r"\p{Z}": ("spaces",),
    r"\p{Graph}": ("visible ASCII characters",),
    " ": ("spaces",),
}


def describe_expected(expected: str) -> str:
    """What was expected; a regular expression in words where that is possible, and itself after them."""
    pattern = expected.removeprefix(_MATCH)
    words = _words(pattern) if pattern != expected else None
    return f"{words} ({expected})" if words else expected


def _words(pattern: str) -> str | None:
    if pattern == r"[\s\S]*":
        return "any text"
    found = _ONE_CLASS.fullmatch(pattern)
    if not found or found["inside"].startswith("^"):
        return None
    items = list(_items(found["inside"]))
    if None in items:
        return None
    told = list(dict.fromkeys(item for item in items if item))
    if {"lower-case letters", "capital letters"} <= set(told):
        told = ["letters", *(item for item in told if item not in {"lower-case letters", "capital letters"})]
    words, marks = [item for item in told if len(item) > 1], [item for item in told if len(item) == 1]
    return ", ".join([*words, " ".join(marks)] if marks else words)


def _items(inside: str) -> Iterator[str | None]:
    """Words for, or the mark that is, each part of a class; None for what has no words."""
    place = 0
    while place < len(inside):
        found = _ITEM.match(inside, place)
        if found is None:
            yield None
            return
        place = found.end()
        if found["low"]:
            yield from _WORDS.get(f"{found['low']}-{found['high']}", (None,))
        elif found["named"]:
            yield from _WORDS.get(found["named"], (None,))
        else:
            mark = chr(int(found["code"], 16)) if found["code"] else found["mark"]
            yield from _WORDS.get(mark, (mark,))
