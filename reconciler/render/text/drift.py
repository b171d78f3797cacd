"""Drift as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.text import Text

from reconciler.render.text.parts import COLORS, MAX_ALIGNED_ADDRESS, QUIET, render_fields
from reconciler.render.views.drift import (
    DIRECTION_GLYPHS,
    DIRECTION_LABELS,
    DRIFT_LEGEND,
    TWO_SIDED_DIRECTIONS,
    DriftRow,
    DriftSection,
    DriftView,
    describe_drift_row,
    format_unchanged_count,
)
from reconciler.render.views.labels import join_facts

_DIRECTION_COLORS: Mapping[str, str] = {
    "missing": COLORS["delete"],
    "changed": COLORS["update"],
    "extra": COLORS["create"],
    "unmanaged": QUIET,
}


def render_drift_text(view: DriftView, width: int) -> Iterator[Text]:
    """Render a whole drift, by kind, with a summary at the end."""
    yield Text.assemble("Drift of ", (view.workspace, "bold"))
    yield Text(join_facts((view.target, view.last_apply)), QUIET)
    for section in view.sections:
        yield Text()
        yield from _render_section(section, width)
    if any(row.fields for section in view.sections for row in section.rows):
        yield Text()
        yield Text(DRIFT_LEGEND, QUIET)
    for problem in view.unlisted:
        yield Text(f"  ! cannot list {problem}", COLORS["warning"])
    for note in view.notes:
        yield Text(f"  ? unmanaged: {note}", QUIET)
    yield Text()
    yield render_drift_summary(view)


def render_drift_row(row: DriftRow, address_width: int, width: int) -> Iterator[Text]:
    """Render one resource: its direction, where it is declared, another owner, and the fields that differ."""
    description = describe_drift_row(row)
    head = Text.assemble(
        (f"  {row.glyph} {row.direction:<9}", f"bold {_DIRECTION_COLORS[row.direction]}"),
        "  ",
        (row.address.ljust(address_width), "bold"),
        (f"  {description}" if description else "", QUIET),
    )
    head.rstrip()
    yield head
    yield from render_fields(row.fields, width, signs=row.direction in TWO_SIDED_DIRECTIONS)


def render_drift_summary(view: DriftView) -> Text:
    """Render a drift in one line."""
    if not view.total:
        return Text(f"No drift: {format_unchanged_count(view)}.", "bold")
    counts = [
        Text(
            f"{DIRECTION_GLYPHS[direction]} {count:,} {DIRECTION_LABELS[direction]}",
            _DIRECTION_COLORS[direction],
        )
        for direction, count in view.counts.items()
        if count
    ]
    unchanged = (f"; {format_unchanged_count(view)}", QUIET)
    return Text.assemble(("Drift: ", "bold"), Text(", ").join(counts), unchanged)


def _render_section(section: DriftSection, width: int) -> Iterator[Text]:
    yield Text(section.title, "bold underline")
    lengths = (len(row.address) for row in section.rows if len(row.address) <= MAX_ALIGNED_ADDRESS)
    address_width = max(lengths, default=0)
    for row in section.rows:
        yield from render_drift_row(row, address_width, width)
