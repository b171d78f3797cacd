"""Changes and drifted resources as Markdown in limited room.

The riskiest are first; those for which there is no room are only counted.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeAlias

from rich.text import Text

from reconciler.frozen_classes import frozen
from reconciler.render.markdown_parts import count_bytes, format_code_block, measure_longest_fence
from reconciler.render.text.cut_lines import cut_longest_lines
from reconciler.render.views.drift import DriftRow, DriftSection
from reconciler.render.views.grouping import (
    MAX_NAMES,
    UNNAMED_LABELS,
    RowEntries,
    RowGroup,
    format_names,
    group_rows,
    has_document,
    has_wildcard,
    must_be_named,
)
from reconciler.render.views.labels import pluralize
from reconciler.render.views.plan import PlanRow, PlanSection

FRAME_BYTES = 200
"""The heading, the shortest code fences and the `<details>` element of a part have at most this many bytes."""

_MAX_CHANGE_BYTES = 4_000
"""In longer changes without a document, lines are left out; where fields have one value each, the longest lines are cut first."""

_MAX_DOCUMENT_BYTES = 30_000
"""Longer changes with a document are cut; AWS's longest policy has 2 KB, its longest template 10 KB."""

_ONE_SIDED_LABELS = frozenset({"create", "delete", "forget", "missing", "extra"})
"""Labels of rows whose fields have one value each."""

_MIN_BLOCK_BYTES = 10
"""The sign, the label and the address of a row or a group have at least this many bytes."""

_MAX_UNFOLDED = 12
"""Parts with more items are folded; addresses that approval needs are listed before the fold."""

_MAX_UNFOLDED_LINES = 50
"""Parts with more lines are folded."""

_NAMES_WIDTH = 100
"""The width, in characters, at which a list of addresses is wrapped."""

Entry: TypeAlias = PlanRow | DriftRow | RowGroup[Any]


@frozen
class _Item:
    """One row, or one group of alike rows.

    It is taken from the `entries` of its section only if there is room for it. `count` is the number of rows.
    """

    entries: RowEntries[Any]
    index: int
    count: int

    @property
    def entry(self) -> Entry:
        """The row, or the group."""
        entry: Entry = self.entries[self.index]
        return entry


class _Part:
    """The rows and groups with one label; those that must be named are in a part of their own.

    `render` renders one of them. `max_items` limits the items that are kept: no more fit into the text. `count` is the number of all rows,
    `entry_count` that of all rows and groups, and `has_document` is whether one of them shows a document.
    """

    def __init__(self, label: str, render: Callable[[Entry], str], max_items: int, *, is_named: bool) -> None:
        self.label = label
        self.render = render
        self.is_named = is_named
        self.count = self.entry_count = 0
        self.has_document = False
        self._max_items = max_items
        self._urgent_items: list[_Item] = []
        self._other_items: list[_Item] = []

    def add(self, entries: RowEntries[Any], index: int, entry: Entry) -> None:
        """Add the row or the group with this index."""
        sample = _get_sample(entry)
        count = entry.count if isinstance(entry, RowGroup) else 1
        self.count += count
        self.entry_count += 1
        self.has_document = self.has_document or has_document(sample)
        items = self._urgent_items if has_wildcard(sample.fields) else self._other_items
        if len(items) < self._max_items:
            items.append(_Item(entries, index, count))

    @property
    def items(self) -> Sequence[_Item]:
        """The first items; documents that name everything come before all others."""
        return [*self._urgent_items, *self._other_items]


def render_rows(  # noqa: PLR0913 (what is rendered, how, and in how much room)
    sections: Iterable[PlanSection | DriftSection],
    order: Sequence[str],
    limit: int,
    render_entry: Callable[[Any], Iterable[Text]],
    describe_part: Callable[[str, int], str],
    *,
    full: bool,
) -> str:
    """Render as many rows and groups as fit into `limit` bytes, and the number of omitted rows.

    `order` has the labels in the order of display. `render_entry` renders a row or a group; `describe_part` takes a label and a number
    of rows. With `full`, alike rows are not grouped.
    """
    parts = _collect_parts(sections, order, limit, render_entry, full=full)
    if not parts:
        return ""
    omitted = Counter[str]()
    for part in parts:
        omitted[part.label] += part.count
    body = ""
    # The line with the number of omitted rows needs no more room than the frame of a part.
    for part, blocks in _fill_parts(parts, limit - FRAME_BYTES):
        omitted[part.label] -= sum(item.count for item in part.items[: len(blocks)])
        if blocks or part.is_named:
            body += _render_part(part, blocks, describe_part(part.label, part.count))
    counts = ", ".join(describe_part(label, omitted[label]) for label in order if omitted[label])
    tail = f"**… and {omitted.total():,} more**: {counts}\n" if counts else ""
    return f"{body}{tail}".rstrip("\n") + "\n"


def _collect_parts(
    sections: Iterable[PlanSection | DriftSection],
    order: Sequence[str],
    limit: int,
    render_entry: Callable[[Any], Iterable[Text]],
    *,
    full: bool,
) -> Sequence[_Part]:
    """Return the rows and groups of all sections in parts, those that must be named first.

    `order` has the labels in the order of display.
    """
    render = partial(_render_block, render_entry=render_entry, full=full)
    max_items = MAX_NAMES + max(limit, 0) // _MIN_BLOCK_BYTES
    parts: dict[tuple[bool, int], _Part] = {}
    for section in sections:
        entries: RowEntries[Any] = group_rows(section.rows, full=full)
        for index, entry in enumerate(entries):
            sample = _get_sample(entry)
            is_named = must_be_named(sample)
            rank = not is_named, order.index(sample.label)
            if rank not in parts:
                parts[rank] = _Part(sample.label, render, max_items, is_named=is_named)
            parts[rank].add(entries, index, entry)
    return [parts[rank] for rank in sorted(parts)]


def _get_sample(entry: Entry) -> PlanRow | DriftRow:
    """Return a row itself, or the first row of a group."""
    return entry.sample if isinstance(entry, RowGroup) else entry


def _render_block(entry: Entry, render_entry: Callable[[Any], Iterable[Text]], *, full: bool) -> str:
    """Render a row or a group for a diff block.

    Lines are only cut where each has one value, so that two values never look the same because of the cut.
    """
    sample = _get_sample(entry)
    shows_all = has_document(sample) or full
    max_bytes = _MAX_DOCUMENT_BYTES if shows_all else _MAX_CHANGE_BYTES
    first_line, *lines = [line.plain.rstrip() for line in render_entry(entry)]
    if not shows_all and sample.label in _ONE_SIDED_LABELS:
        lines = [*cut_longest_lines(lines, max_bytes)]
    return _render_diff([first_line, *lines], sample.glyph, max_bytes)


def _fill_parts(parts: Iterable[_Part], limit: int) -> Iterator[tuple[_Part, Sequence[str]]]:
    """Yield parts and their blocks, until `limit` bytes are used.

    After that, yield only parts with names, without blocks.
    """
    names_bytes = sum(count_bytes(_render_names(part)) + FRAME_BYTES for part in parts if part.is_named)
    is_full = names_bytes > limit  # too little room for even the names
    limit -= names_bytes
    for part in parts:
        if is_full and (limit < 0 or not part.is_named):
            return
        limit -= 0 if part.is_named else FRAME_BYTES
        blocks, size = _fill_part(part, 0 if is_full else limit)
        limit -= size
        is_full = len(blocks) < part.entry_count
        yield part, blocks


def _fill_part(part: _Part, limit: int) -> tuple[Sequence[str], int]:
    """Return the blocks of the first items, as many as fit into `limit` bytes, and their size in bytes."""
    blocks: list[str] = []
    size = 0
    # Both fences of the code block grow with the longest run of backticks inside it.
    fence_bytes = 0
    for item in part.items:
        block = part.render(item.entry) if size < limit else ""
        longest_fence = max(fence_bytes, 2 * measure_longest_fence(block))
        if not block or size + count_bytes(block) + 1 + longest_fence > limit:
            break
        size += count_bytes(block) + 1
        fence_bytes = longest_fence
        blocks.append(block)
    return blocks, size + fence_bytes


def _render_diff(lines: Sequence[str], glyph: str, max_bytes: int) -> str:
    """Render the lines of one item for a diff block.

    The first character of a line determines its color.
    """
    first_line, *other_lines = lines
    sign = glyph if glyph in "+-" else "!"
    kept_lines = [f"{sign} {first_line.lstrip()[len(glyph) :].lstrip()}"]  # the sign replaces the glyph
    size = 0
    for index, line in enumerate(other_lines):
        size += count_bytes(line) + 1
        if size > max_bytes:
            kept_lines.append(f"         … and {pluralize(len(other_lines) - index, 'more line')}")
            break
        kept_lines.append(line[4:])  # less indented than on a terminal
    return "\n".join(kept_lines)


def _render_part(part: _Part, blocks: Sequence[str], heading: str) -> str:
    heading = _describe_documents(part, heading)
    block = format_code_block(blocks, "diff") if blocks else ""
    is_complete = len(blocks) == part.entry_count
    if is_complete and part.entry_count <= _MAX_UNFOLDED and block.count("\n") <= _MAX_UNFOLDED_LINES:
        return f"**{heading}**\n\n{block}\n"
    names = _render_names(part)
    if not names:
        return f"<details><summary><b>{heading}</b></summary>\n\n{block}\n</details>\n\n"
    contents = "their documents" if part.has_document else "their fields"
    fold = f"<details><summary>{contents}</summary>\n\n{block}\n</details>\n\n" if block else ""
    return f"**{heading}**\n\n{names}\n{fold}"


def _describe_documents(part: _Part, heading: str) -> str:
    """Add to a heading that its rows have documents, so that it differs from that of the other rows."""
    return f"{heading}, with documents" if part.has_document and part.label in UNNAMED_LABELS else heading


def _list_names(entry: Entry) -> Sequence[str]:
    """Return the first addresses of a row or a group that must be named."""
    return entry.names if isinstance(entry, RowGroup) else (entry.address,)


def _render_names(part: _Part) -> str:
    """Render the addresses that approval needs, up to a limit; an empty text for none.

    Single rows come before groups.
    """
    if not part.is_named:
        return ""
    smallest_first = sorted(part.items, key=lambda item: item.count)
    names = (name for item in smallest_first for name in _list_names(item.entry))
    text = format_names(tuple(islice(names, MAX_NAMES)), total=part.count)
    lines = textwrap.wrap(text, _NAMES_WIDTH, break_long_words=False, break_on_hyphens=False)
    return format_code_block(lines, "text")
