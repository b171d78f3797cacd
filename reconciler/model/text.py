"""Text for messages: quoting, shortening, escaping, times, and suggestions of names."""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Collection, Iterable

_MAX_QUOTED_CHARACTERS = 64
"""The length of a certificate's ID, which readers copy."""
_MAX_PLAIN_CHARACTERS = 120
_MAX_TOML_INTEGER_BITS = 64
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of characters that control a terminal or that readers cannot see."""
_FILE_NAME = re.compile(r"[\w. /\\~-]+\.[A-Za-z]\w{0,7}")
_SHORT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def quote(text: str) -> str:
    """Return the text in quotes, cut after 64 characters, with control characters escaped."""
    if len(text) > _MAX_QUOTED_CHARACTERS:
        text = f"{text[:_MAX_QUOTED_CHARACTERS]}…"
    return repr(text)


def quote_if_unsafe(name: str) -> str:
    """Return the name as it is, or quoted if it is empty or very long or has unprintable characters."""
    is_safe = name and name.isprintable() and len(name) <= _MAX_PLAIN_CHARACTERS
    return name if is_safe else quote(name)


def format_path(path: Iterable[str | int]) -> str:
    """Return a path of keys and indexes as text: `attributes.site`, `certificates[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{quote_if_unsafe(part)}" if text else quote_if_unsafe(part)
    return text


def format_time(moment: datetime.datetime) -> str:
    """Return a UTC time as people read it: `2026-11-28 09:11:10 UTC`."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def type_name(value: object) -> str:
    """Return the name of a TOML value's type, with its article."""
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
    """Return a TOML value with its type; for tables, arrays, dates and huge integers only the type."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"the string {quote(value)}"
        case int() if value.bit_length() <= _MAX_TOML_INTEGER_BITS:
            return f"the integer {value}"
        case float():
            return f"the number {value}"
        case _:
            return type_name(value)


def format_choices(values: Iterable[str]) -> str:
    """Return `one of 'A', 'B'`, or `'A'` if there is only one value."""
    quoted = [repr(value) for value in values]
    return quoted[0] if len(quoted) == 1 else f"one of {', '.join(quoted)}"


def join_some(names: Iterable[str], limit: int = 3) -> str:
    """Return at most `limit` names, and the number of omitted names: `a, b, c and 17 more`."""
    names = list(names)
    omitted_count = len(names) - limit
    suffix = f" and {omitted_count:,} more" if omitted_count > 0 else ""
    return ", ".join(map(quote_if_unsafe, names[:limit])) + suffix


def format_count(count: int, noun: str) -> str:
    """Return a count with its noun: `1 character`, `1,204 calls`."""
    return f"{count:,} {noun if count == 1 else make_plural(noun)}"


def make_plural(noun: str) -> str:
    """Return the plural of a noun: `things`, `policies`, `keys`, `role aliases`."""
    if noun.endswith("y") and not noun.endswith("ey"):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"


def suggest_file_table(text: str) -> str | None:
    """Return `{ file = "…" }` for a text that looks like the name of a file, or None."""
    is_file_name = _FILE_NAME.fullmatch(text) and len(text) <= _MAX_PLAIN_CHARACTERS
    return f'{{ file = "{text.replace(chr(92), "/")}" }}' if is_file_name else None


def closest_match(word: str, valid: Collection[str]) -> str | None:
    """Return the valid word that is closest to `word`, ignoring case, or None if none is similar."""
    import difflib  # slow to import, and most commands suggest nothing

    # Among words that differ only in case, the dictionary keeps the last: in reverse order, the alphabetically first one.
    words_by_folded = {valid_word.casefold(): valid_word for valid_word in sorted(valid, reverse=True)}
    matches = difflib.get_close_matches(word.casefold(), sorted(words_by_folded), n=1)
    return words_by_folded[matches[0]] if matches else None


def format_suggestion(nearest: str | None) -> str:
    """Return `; did you mean 'x'?` for the end of a message, or an empty text if `nearest` is None."""
    return f"; did you mean {nearest!r}?" if nearest else ""


def escape_invisible(text: str) -> str:
    r"""Return the text with control characters and invisible characters escaped.

    Escape sequences and bidirectional marks become `\x1b`, `\u202e`. `##[`, which anywhere in a log begins a command of GitHub's old
    runners, becomes `#\x23[`.
    """
    if "##[" in text:
        text = text.replace("##[", r"#\x23[")
    if text.isprintable():
        return text
    return "".join(map(_escape_character, text))


def is_unicode(text: str) -> bool:
    """Return whether the text has no unpaired surrogates.

    Python reads them from invalid bytes of an argument or an environment variable.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_visible(character: str) -> bool:
    """Return whether readers can see the character, and it does not control a terminal."""
    return unicodedata.category(character) not in _INVISIBLE


def _escape_character(character: str) -> str:
    if is_visible(character):
        return character
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    code = ord(character)
    if code <= 0xFF:  # noqa: PLR2004 (the range of \x)
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 (the range of \u)
