"""Advice for common mistakes in files that are not valid TOML."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.frozen_classes import frozen

_MAX_CHARACTERS = 300
"""The number of characters of the line, and before and after the parser's position, that are examined."""
_KEY_VALUE = 'key = "value"'
_SLASHES = r"/ between folders, \\ for a backslash, or single quotes around the text"


@frozen
class _Advice:
    """The advice after a parser's message that begins with `message`, if all patterns match.

    - `line` is matched with the beginning of the line, `start` with that of the file, `after` with the text after the position.
    - `expected` can use the groups of `line`.
    """

    message: str
    expected: str
    line: str = ""
    start: str = ""
    after: str = ""


_ADVICE: Sequence[_Advice] = (  # the first that matches is right
    _Advice("invalid statement", f"tables and {_KEY_VALUE}; this looks like JSON", start=r"\s*\{"),
    _Advice("invalid statement", "# before a comment", line=r"\s*//"),
    _Advice(
        "expected '='",
        f"tables and {_KEY_VALUE}; this looks like Terraform",
        line=r"\s*(?:resource|data|module|provider|variable|output|terraform|locals)\b[^=]*\{\s*$",
    ),
    _Advice("expected '='", f"{_KEY_VALUE}; this looks like YAML", line=r"\s*(?:-\s+)?[\w-]+:(?:\s|$)"),
    _Advice("expected '='", "= between a key and its value", after=":"),
    _Advice(
        "expected ']' at the end of a table",
        r'a name with other characters than letters, digits, - and _ in quotes: [\1."\2"]',
        line=r"""\s*\[\s*([\w-]+)\.([^\]"'.]+)\]""",
    ),
    _Advice("invalid initial character for a key part", "no comma before }", after=r"\s*\}"),
    _Advice(
        "invalid initial character for a key part",
        "{ … } on one line, or a table with its own header, such as [things.NAME.attributes]",
        after=r"\s*(?:#[^\n]*)?\n",
    ),
    _Advice("unescaped '\\' in a string", _SLASHES),
    _Advice("expected newline", "# before a comment", after=r"\s*//"),
    _Advice("expected newline", "no comma after the value", after=r"\s*,\s*$"),
    _Advice("unclosed array", "commas between the items, and ] at the end"),
    _Advice("invalid value", "a text in quotes, a number, true, false, [an array] or { a table }"),
)


def find_toml_advice(reason: str, text: str, position: int) -> str | None:
    """Return what is expected where a file's `text` is not valid TOML, or None if that is not known.

    `reason` is the parser's message in lower case; `position` is the index of the character that it rejects.
    """
    line_start = text.rfind("\n", 0, position) + 1
    line_end = text.find("\n", position)
    line = text[line_start : len(text) if line_end < 0 else line_end][:_MAX_CHARACTERS]
    after = text[position : position + _MAX_CHARACTERS]
    for advice in _ADVICE:
        line_match = re.match(advice.line, line)
        if reason.startswith(advice.message) and (
            line_match and re.match(advice.start, text[:_MAX_CHARACTERS]) and re.match(advice.after, after)
        ):
            return line_match.expand(advice.expected) if line_match.re.groups else advice.expected
    return None
