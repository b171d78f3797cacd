"""Drift as text."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from functools import partial

from rich.text import Text

from reconciler.render.text.colors import COLORS, QUIET
from reconciler.render.text.parts import (
    measure_addresses,
    render_fields,
    render_group_details,
    render_sections,
    render_workspace,
)
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
from reconciler.render.views.grouping import RowGroup, group_rows
from reconciler.render.views.labels import format_kind, join_facts

_DIRECTION_COLORS: Mapping[str, str] = {
    "missing": COLORS["delete"],
    "changed": COLORS["update"],
    "extra": COLORS["create"],
    "unmanaged": QUIET,
}


def render_drift_text(
    view: DriftView, width: int, *, full: bool = False, max_rows: int | None = None
) -> Iterator[Text]:
    """Render a whole drift, by kind, with a summary at the end.

    Alike resources are rendered as groups, and long values truncated, unless `full`. `max_rows` limits the resources and groups of each kind;
    more are only counted.
    """
    yield Text.assemble("Drift of ", render_workspace(view.workspace, view.environment))
    yield Text(join_facts((view.target, view.last_apply)), QUIET)
    yield from render_drifted_resources(view, width, full=full, max_rows=max_rows)
    yield Text()
    yield render_drift_summary(view)


def render_drifted_resources(
    view: DriftView, width: int, *, full: bool = False, max_rows: int | None = None
) -> Iterator[Text]:
    """Render the resources by kind and the notes; the options are those of `render_drift_text`."""
    render = partial(_render_section, width=width, full=full, max_rows=max_rows)
    yield from render_sections(view.sections, render, max_rows)
    if any(row.fields for section in view.sections for row in section.rows):
        yield Text()
        yield Text(DRIFT_LEGEND, QUIET)
    for problem in view.unlisted:
        yield Text(f"  ! cannot list {problem}", COLORS["warning"])
    for note in view.trail_notes:
        yield Text(f"  ! {note}", COLORS["warning"])
    for line in view.edges:
        yield Text(f"  · {line}", QUIET)
    for note in view.notes:
        yield Text(f"  ? unmanaged: {note}", QUIET)
    if view.kept_orphans:
        yield Text(f"  · {view.kept_orphans}", QUIET)


def render_drift_row(row: DriftRow, address_width: int, width: int, *, full: bool = False) -> Iterator[Text]:
    """Render one resource: its direction and place, its owner, its last change, and its fields.

    With `full`, no value is truncated.
    """
    description = describe_drift_row(row)
    head = Text.assemble(
        (f"  {row.glyph} {row.direction:<9}", f"bold {_DIRECTION_COLORS[row.direction]}"),
        "  ",
        (row.address.ljust(address_width), "bold"),
        (f"  {description}" if description else "", QUIET),
    )
    head.rstrip()
    yield head
    yield from _render_change_note(row)
    yield from render_fields(row.fields, width, signs=row.direction in TWO_SIDED_DIRECTIONS, in_full=full)


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


def render_drift_group(group: RowGroup[DriftRow], width: int) -> Iterator[Text]:
    """Render a group of alike resources: their number and the values that differ."""
    sample = group.sample
    head = Text.assemble(
        (f"  {sample.glyph} {sample.direction:<9}", f"bold {_DIRECTION_COLORS[sample.direction]}"),
        "  ",
        (group.title, "bold"),
        (f"  {sample.owner_note}" if sample.owner_note else "", QUIET),
    )
    yield head
    yield from _render_change_note(sample)
    yield from render_group_details(group, width, signs=sample.direction in TWO_SIDED_DIRECTIONS)


def _render_change_note(row: DriftRow) -> Iterator[Text]:
    if row.change_note:
        yield Text(f"      {row.change_note}", QUIET)


def _render_section(
    section: DriftSection, width: int, *, full: bool, max_rows: int | None
) -> Generator[Text, None, bool]:
    """Render the resources of a kind, and return whether some of them are in a group."""
    yield Text(section.title, "bold underline")
    entries = group_rows(section.rows, full=full)[:max_rows]
    address_width = measure_addresses(entries)
    for entry in entries:
        if isinstance(entry, DriftRow):
            yield from render_drift_row(entry, address_width, width, full=full)
        else:
            yield from render_drift_group(entry, width)
    omitted_count = len(section.rows) - entries.row_count
    if omitted_count:
        yield Text(f"  and {omitted_count:,} more {format_kind(section.kind, omitted_count)}", QUIET)
    return bool(entries.groups)
