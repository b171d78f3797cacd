"""Cutting of long lines, so that the fields after a long value are shown. Pure."""

from __future__ import annotations

from collections.abc import Sequence

_MIN_LINE_BYTES = 40
"""Lines are not cut to less than this, even if they then need more bytes than allowed."""

_MARK = "…"


def cut_longest_lines(lines: Sequence[str], max_bytes: int) -> Sequence[str]:
    """Return the lines, the longest of them cut to one length at which all fit into `max_bytes` bytes.

    Each line is counted with its line break.
    """
    sizes = sorted(_count_bytes(line) + 1 for line in lines)
    remaining_bytes = max_bytes
    for index, size in enumerate(sizes):
        share = remaining_bytes // (len(sizes) - index)
        if size > share:
            return [_cut_line(line, max(share, _MIN_LINE_BYTES)) for line in lines]
        remaining_bytes -= size
    return lines


def _cut_line(line: str, max_bytes: int) -> str:
    """Return a line that has, with its line break, at most `max_bytes` bytes."""
    if _count_bytes(line) < max_bytes:
        return line
    kept_bytes = line.encode(errors="replace")[: max_bytes - 1 - _count_bytes(_MARK)]
    return kept_bytes.decode(errors="ignore") + _MARK


def _count_bytes(text: str) -> int:
    return len(text.encode(errors="replace"))
