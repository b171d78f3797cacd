"""Markdown of generated tables and headings."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CODE = re.compile(
    r"(?<![`\w$+-])(--[a-z][a-z-]*|\$?[A-Z]+(?:_[A-Z]+)+|\+SELECTOR|SELECTOR\+|[a-z_]+\.toml|'things\.[^']+'|things\.[a-z]+-\d+|(?:POST|GET) /[a-z/-]+)(?![`\w])"
)
"""Words of a help text that are code: options, variables, selectors, files and requests."""


def render_table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Render a table; a vertical bar in a cell is escaped."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def render_heading(level: int, title: str) -> str:
    """Render a heading, to which `[text](#ANCHOR)` links; see `build_anchor`."""
    return f"{'#' * level} {title}"


def build_anchor(title: str) -> str:
    """Return the anchor that GitHub and the documentation site make from a heading."""
    return re.sub(r"[^\w\- ]", "", title.replace("`", "").strip().lower()).replace(" ", "-")


def join_code(names: Iterable[str]) -> str:
    """Join names, each as code, with commas."""
    return ", ".join(f"`{name}`" for name in names)


def unwrap(text: str) -> str:
    """Join the lines of each paragraph and of each list item of a docstring or a help text."""
    lines: list[str] = []
    for line in text.strip().splitlines():
        stripped = line.strip()
        continues = bool(lines and lines[-1] and stripped and not stripped.startswith("- "))
        if continues:
            lines[-1] += f" {stripped}"
        else:
            lines.append(stripped)
    return "\n".join(lines)


def mark_code(text: str, words: Iterable[str] = ()) -> str:
    """Mark options, variables, file names and `words` as code, where a help text does not."""
    parts = text.split("`")  # the parts with odd numbers are code already
    for number in range(0, len(parts), 2):
        parts[number] = _CODE.sub(r"`\1`", parts[number])
        for word in words:
            parts[number] = re.sub(rf"(?<![`\w-]){re.escape(word)}(?![`\w-])", f"`{word}`", parts[number])
    return "`".join(parts)
