"""One resource, desired and live, as text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from rich.text import Text

from reconciler.frozen_classes import frozen
from reconciler.render.text.colors import COLORS, QUIET
from reconciler.render.text.parts import render_value
from reconciler.render.text.wrap import has_word_wider_than, wrap_cell
from reconciler.render.views.comparison import (
    FieldComparisonRow,
    ResourceComparisonView,
    describe_action,
    describe_denied,
    describe_live,
)
from reconciler.render.views.format_value import ValueView
from reconciler.render.views.labels import OUTCOME_GLYPHS, join_facts

_MIN_COLUMN_WIDTH = 16
_GAPS = 6
"""The width of the mark before the first column and of the two gaps between columns, two characters each."""

_HEADINGS = ("field", "desired", "live")


def render_comparison_text(view: ResourceComparisonView, width: int) -> Iterator[Text]:
    """Render the desired and the live value of every field; fields that differ have a mark."""
    yield Text(view.address, "bold")
    facts = (
        ("declared in", view.origin),
        ("live", join_facts(describe_live(view))),
        ("depends on", ", ".join(view.dependencies)),
    )
    for label, fact in facts:
        if fact:
            yield Text(f"{label:<11}  {fact}", QUIET)
    yield Text()
    yield from _render_table(view, width)
    yield Text()
    if view.status or view.denied:
        yield from _render_status(view)
        yield Text()
    yield _render_verdict(view)


@frozen
class _Widths:
    """The widths of the three columns."""

    path: int
    desired: int
    live: int


def _render_table(view: ResourceComparisonView, width: int) -> Iterator[Text]:
    widths = _compute_widths(view, width)
    if widths is None:
        for row in view.fields:
            yield from _render_stacked(row)
        return
    heading = Text("  ")
    # The last heading needs no padding.
    for title, title_width in zip(_HEADINGS, (widths.path, widths.desired, 0), strict=True):
        heading.append(title, "bold underline")
        heading.append(" " * (title_width + 2 - len(title)))
    heading.rstrip()
    yield heading
    for row in view.fields:
        yield from _render_row(row, widths)


def _compute_widths(view: ResourceComparisonView, width: int) -> _Widths | None:
    """Compute the widths of the columns, or return None if they would be too narrow.

    The desired column is as wide as its longest value, but has at least the minimum width, and takes at most half of the space
    that the paths leave.
    """
    path_width = max([len(_HEADINGS[0]), *(len(row.path) for row in view.fields)])
    available = width - path_width - _GAPS
    if available < 2 * _MIN_COLUMN_WIDTH:
        return None
    longest_desired = max((len(row.desired.text) for row in view.fields if row.desired), default=0)
    desired_width = max(_MIN_COLUMN_WIDTH, min(longest_desired, available // 2))
    return _Widths(path_width, desired_width, available - desired_width)


def _render_row(row: FieldComparisonRow, widths: _Widths) -> Iterator[Text]:
    """Render one field in three columns, or stacked if a word does not fit or a value has lines."""
    style = _choose_style(row)
    desired, live = render_value(row.desired, style), render_value(row.live, style)
    has_lines = any(value and value.lines for value in (row.desired, row.live))
    if has_lines or has_word_wider_than(widths.desired, desired) or has_word_wider_than(widths.live, live):
        yield from _render_stacked(row)
        return
    head = f"{_choose_mark(row)} {row.path.ljust(widths.path)}  "
    cells = zip_longest(wrap_cell(desired, widths.desired), wrap_cell(live, widths.live), fillvalue=Text())
    for left, right in cells:
        line = Text.assemble((head, style), left, " " * (widths.desired - left.cell_len + 2), right)
        line.rstrip()
        yield line
        head = " " * len(head)  # only the first line has the mark and the path


def _render_stacked(row: FieldComparisonRow) -> Iterator[Text]:
    style = _choose_style(row)
    yield Text(f"{_choose_mark(row)} {row.path}", style)
    for label, value in zip(_HEADINGS[1:], (row.desired, row.live), strict=True):
        yield Text.assemble((f"    {label:<7}  ", QUIET), render_value(value, style))
        # Two equal documents are shown once.
        lines = (
            value.lines if value and (value is row.desired or value.lines != _get_lines(row.desired)) else ()
        )
        yield from (Text(f"      {line}") for line in lines)


def _get_lines(value: ValueView | None) -> tuple[str, ...]:
    return value.lines if value else ()


def _render_status(view: ResourceComparisonView) -> Iterator[Text]:
    yield Text.assemble("  ", ("status in AWS", "bold underline"))
    name_width = max((len(row.name) for row in view.status), default=0)
    for row in view.status:
        yield Text.assemble(f"  {row.name.ljust(name_width)}  ", render_value(row.value, ""))
        yield from (Text(f"      {line}") for line in row.value.lines)
    denied = describe_denied(view)
    if denied:
        yield Text(f"  {denied}", QUIET)


def _choose_style(row: FieldComparisonRow) -> str:
    return COLORS["update"] if row.differs else ""


def _choose_mark(row: FieldComparisonRow) -> str:
    return "≠" if row.differs else " "


def _render_verdict(view: ResourceComparisonView) -> Text:
    if view.action:
        action = Text(f"{view.glyph} {view.action}", f"bold {COLORS[view.action]}")
        return Text.assemble(action, f" {describe_action(view)}.")
    if view.identity and view.origin:
        return Text(f"{OUTCOME_GLYPHS['applied']} matches the file", COLORS["applied"])
    return Text("not in the file; left unchanged", QUIET)
