"""Wrap long lines at spaces, so that a terminal does not break a word that fits into one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

_COLUMN_GAP = re.compile(r"(?<=\S) {2,}(?=\S)")
"""Two or more spaces between words separate the columns of a line."""

_WORD = re.compile(r"\S+")


def wrap_lines(lines: Iterable[Text], width: int) -> Iterator[Text]:
    """Wrap every line that is wider than `width` cells.

    A word that is wider than `width` stays whole, on a line of its own, so that it can be copied.
    """
    for line in lines:
        if line.cell_len <= width:
            yield line
        else:
            yield from _wrap_line(line, width, _find_indent(line.plain, width))


def wrap_cell(text: Text, width: int) -> list[Text]:
    """Return a text as lines that fit into a table's column of `width` terminal cells."""
    return [text] if text.cell_len <= width else list(_wrap_line(text, width, indent=0))


def has_word_wider_than(width: int, text: Text | None) -> bool:
    """Return whether a text has a word that does not fit into `width` cells."""
    return text is not None and any(cell_len(word) > width for word in _WORD.findall(text.plain))


def _wrap_line(line: Text, width: int, indent: int) -> Iterator[Text]:
    """Break a line at spaces, and yield its parts.

    All but the first are indented by `indent`, or by less if their first word would not fit otherwise.
    """
    words = _split_words(line.plain, width, indent)
    # A word that is too wide for any line begins under the name of its column, not at the edge.
    base_indent = _find_own_indent(line.plain) + 2
    wide_indent = base_indent if _COLUMN_GAP.search(line.plain) else 0
    part_start, part_end, part_indent = 0, words[0][1], 0
    for word_start, word_end in words[1:]:
        if part_indent + cell_len(line.plain[part_start:word_end]) > width:
            yield Text.assemble(" " * part_indent, line[part_start:part_end])
            part_start = word_start
            word_length = cell_len(line.plain[word_start:word_end])
            least_indent = wide_indent if word_length > width else 0
            part_indent = min(indent, max(least_indent, width - word_length))
            if part_indent < indent:
                part_indent = min(part_indent, base_indent)
        part_end = word_end
    yield Text.assemble(" " * part_indent, line[part_start:part_end])


def _split_words(text: str, width: int, indent: int) -> Sequence[tuple[int, int]]:
    """Return the start and the end of each part of a text that is not broken.

    These are words; inside brackets, these are members that end with a comma, unless one is too long for a line.
    """
    words = [match.span() for match in _WORD.finditer(text)]
    parts: list[tuple[int, int]] = []
    depth = 0
    for start, end in words:
        previous_start, previous_end = parts[-1] if parts else (0, 0)
        is_inside = depth > 0 and text[previous_end - 1] != ","
        if is_inside and cell_len(text[previous_start:end]) <= width - indent:
            parts[-1] = (previous_start, end)
        else:
            parts.append((start, end))
        word = text[start:end]
        depth = max(0, depth + sum(map(word.count, "[{")) - sum(map(word.count, "]}")))
    return parts


def _find_own_indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _find_indent(line: str, width: int) -> int:
    """Return the indent of continuation lines.

    Only gaps between columns that end in the left half of `width` count: the indent is the end of the last of these gaps. Without
    such a gap, it is two more than the line's own indent.
    """
    columns = [gap.end() for gap in _COLUMN_GAP.finditer(line) if gap.end() <= width // 2]
    return columns[-1] if columns else _find_own_indent(line) + 2
