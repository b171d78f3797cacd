"""Drift as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.text import Text

from reconciler.render.text.plan import COLORS, render_fields
from reconciler.render.views.drift import (
    DIRECTION_GLYPHS,
    DIRECTION_LABELS,
    TWO_SIDED_DIRECTIONS,
    DriftRow,
    DriftView,
)
from reconciler.render.views.plan import pluralize

_COLORS: Mapping[str, str] = {
    "missing": COLORS["delete"],
    "changed": COLORS["update"],
    "extra": COLORS["create"],
    "unmanaged": "dim",
}
DRIFT_LEGEND = "Attributes: the file's value → the registry's."
_ADDRESS = 40
"""Addresses up to this long are aligned."""


def render_drift_text(view: DriftView, width: int) -> Iterator[Text]:
    """What is not as the file says, by kind; then how much of it."""
    yield Text.assemble("Drift of ", (view.workspace, "bold"))
    yield Text(" · ".join(part for part in (view.target, view.last_apply) if part), "dim")
    for section in view.sections:
        yield Text()
        yield Text(section.title, "bold underline")
        room = max((len(row.address) for row in section.rows if len(row.address) <= _ADDRESS), default=0)
        for row in section.rows:
            yield from render_drift_row(row, room, width)
    if view.sections and any(row.lines for section in view.sections for row in section.rows):
        yield Text()
        yield Text(DRIFT_LEGEND, "dim")
    for told in view.unlisted:
        yield Text(f"  ! could not be looked at: {told}", COLORS["warning"])
    for told in view.notes:
        yield Text(f"  ? unmanaged: {told}", "dim")
    yield Text()
    yield render_drift_summary(view)


def render_drift_row(row: DriftRow, room: int, width: int) -> Iterator[Text]:
    """One resource: how it differs, and in what."""
    about = " · ".join(part for part in (row.origin, row.owner_note) if part)
    head = Text.assemble(
        (f"  {row.glyph} {row.direction:<9}", f"bold {_COLORS[row.direction]}"),
        "  ",
        (row.address.ljust(room), "bold"),
        (f"  {about}" if about else "", "dim"),
    )
    head.rstrip()
    yield head
    yield from render_fields(row.lines, width, signs=row.direction in TWO_SIDED_DIRECTIONS)


def render_drift_summary(view: DriftView) -> Text:
    """The drift in one line."""
    if not view.total:
        return Text(f"No drift: {format_unchanged_count(view)}.", "bold")
    text = Text("Drift", "bold")
    for direction, count in view.counts.items():
        if count:
            words = f"  {DIRECTION_GLYPHS[direction]} {count:,} {DIRECTION_LABELS[direction]}"
            text.append(words, _COLORS[direction])
    return text.append(f"  {format_unchanged_count(view)}", "dim")


def format_unchanged_count(view: DriftView) -> str:
    """What is as it should be."""
    return (
        f"{pluralize(view.unchanged, 'resource')} {'is' if view.unchanged == 1 else 'are'} as the file says"
    )
