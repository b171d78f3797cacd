"""Wrap long lines at spaces, so that a terminal does not break a word that fits into one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.text import Text

_COLUMN_GAP = re.compile(r"(?<=\S) {2,}(?=\S)")
"""Two or more spaces between words separate the columns of a line."""

_WORD = re.compile(r"\S+")


def wrap_lines(lines: Iterable[Text], width: int) -> Iterator[Text]:
    """Wrap every line that is wider than `width` cells.

    A word that is wider than `width` stays whole, on a line of its own.
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
    words = [match.span() for match in _WORD.finditer(line.plain)]  # the start and the end of each word
    part_start, part_end, part_indent = 0, words[0][1], 0
    for word_start, word_end in words[1:]:
        if part_indent + cell_len(line.plain[part_start:word_end]) > width:
            yield Text.assemble(" " * part_indent, line[part_start:part_end])
            part_start = word_start
            part_indent = min(indent, max(0, width - cell_len(line.plain[word_start:word_end])))
        part_end = word_end
    yield Text.assemble(" " * part_indent, line[part_start:part_end])


def _find_indent(line: str, width: int) -> int:
    """Return the indent of continuation lines.

    Only gaps between columns that end in the left half of `width` count: the indent is the end of the last of these gaps. Without
    such a gap, it is two more than the line's own indent.
    """
    columns = [gap.end() for gap in _COLUMN_GAP.finditer(line) if gap.end() <= width // 2]
    return columns[-1] if columns else len(line) - len(line.lstrip(" ")) + 2
