"""Describe AWS's regular expressions in words, if they only limit the characters of a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_PATTERN_PREFIX = "a match of "
"""The prefix of an expected value that is a regular expression."""

_SINGLE_CLASS = re.compile(r"\^?\(?\[(?P<content>(?:\\.|[^\[\]\\])+)\][+*]\)?\$?", re.DOTALL)
"""A regular expression that is one class of characters, repeated: `[a-z0-9]+`."""

_ITEM = re.compile(
    r"(?P<named>\\p\{\w+\}|\\[wds])|(?P<low>\\x20|[^\\])-(?P<high>\\x7[eE]|[^\\])"
    r"|\\x(?:\{0*)?(?P<code>[0-9A-Fa-f]{2})\}?|\\?(?P<character>[^\w\\]|(?<=\\)\\|\w)"
)
"""One item of a class: a named class (`\\w`), a range, a character by its hexadecimal code, or a character."""

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
"""Item of a class → the words for the characters that it matches."""

_BOTH_CASES = {"lower-case letters", "capital letters"}


def describe_expected(expected: str) -> str:
    """Describe what a diagnostic expects.

    For a regular expression that can be put in words, returns these words and then `expected` in parentheses; other text
    is returned unchanged.
    """
    pattern = expected.removeprefix(_PATTERN_PREFIX)
    description = _describe_pattern(pattern) if pattern != expected else None
    return f"{description} ({expected})" if description else expected


def _describe_pattern(pattern: str) -> str | None:
    """Describe a pattern, or return None if it cannot be put in words.

    It can if it matches any text, or if it is one class of characters whose items can all be described.
    """
    if pattern == r"[\s\S]*":
        return "any text"
    match = _SINGLE_CLASS.fullmatch(pattern)
    if not match or match["content"].startswith("^"):
        return None
    descriptions: list[str] = []
    for description in dict.fromkeys(_describe_items(match["content"])):
        if description is None:
            return None
        descriptions.append(description)
    if set(descriptions) >= _BOTH_CASES:
        descriptions = ["letters", *(text for text in descriptions if text not in _BOTH_CASES)]
    words = [text for text in descriptions if len(text) > 1]
    characters = [text for text in descriptions if len(text) == 1]
    return ", ".join([*words, " ".join(characters)] if characters else words)


def _describe_items(content: str) -> Iterator[str | None]:
    """Yield the words for each item of a class.

    For a character without words, yield the character; for any other item without words, yield None.
    """
    index = 0
    while index < len(content):
        match = _ITEM.match(content, index)
        if match is None:
            yield None
            return
        index = match.end()
        yield from _describe_item(match)


def _describe_item(match: re.Match[str]) -> tuple[str | None, ...]:
    if match["low"]:
        return _WORDS.get(f"{match['low']}-{match['high']}", (None,))
    if match["named"]:
        return _WORDS.get(match["named"], (None,))
    character = chr(int(match["code"], 16)) if match["code"] else match["character"]
    return _WORDS.get(character, (character,))
