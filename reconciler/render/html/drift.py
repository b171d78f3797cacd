"""Drift as HTML."""

from __future__ import annotations

from collections.abc import Mapping

import htpy as h

from reconciler.render.html.parts import (
    MAX_UNFOLDED,
    render_fields_html,
    render_group_details_html,
    render_workspace_html,
)
from reconciler.render.views.drift import (
    DRIFT_LEGEND,
    TWO_SIDED_DIRECTIONS,
    DriftRow,
    DriftSection,
    DriftView,
    describe_drift_row,
    format_drift_counts,
    format_unchanged_count,
)
from reconciler.render.views.grouping import RowEntries, RowGroup, group_rows
from reconciler.render.views.labels import format_kind, format_workspace, join_facts

_CSS_CLASSES: Mapping[str, str] = {
    "missing": "delete",
    "changed": "update",
    "extra": "create",
    "unmanaged": "quiet",
}
"""The CSS class of each direction, which determines its color."""


def render_drift_html(view: DriftView, *, full: bool = False, max_rows: int | None = None) -> h.Renderable:
    """Render a whole drift: its summary, and the resources by kind.

    Alike resources are groups or, with `full`, one by one. `max_rows` limits the resources and groups of each kind.
    """
    counts = join_facts(format_drift_counts(view)) or "No drift"
    return h.section(aria_label=f"Drift of {format_workspace(view.workspace, view.environment)}")[
        h.p(".title")["Drift of ", *render_workspace_html(view.workspace, view.environment)],
        h.p(".quiet")[join_facts((view.target, view.last_apply))],
        h.p(".summary")[h.strong[counts], h.span(".quiet")[f" · {format_unchanged_count(view)}"]],
        render_drifted_resources_html(view, full=full, max_rows=max_rows),
    ]


def render_drifted_resources_html(
    view: DriftView, *, full: bool = False, max_rows: int | None = None
) -> h.Renderable:
    """Render the notes and the resources of a drift; the options are those of `render_drift_html`."""
    sections = [(section, group_rows(section.rows, full=full)) for section in view.sections]
    unfold = sum(len(entries) for _, entries in sections) <= MAX_UNFOLDED
    return h.fragment[
        (h.p(".note.warning")[h.strong["! cannot list"], " ", problem] for problem in view.unlisted),
        (h.p(".note.warning")["! ", note] for note in view.trail_notes),
        (h.p(".note.info")["· ", line] for line in view.edges),
        (h.p(".note.unmanaged")[h.strong["? unmanaged"], " ", note] for note in view.notes),
        h.p(".note.info")["· ", view.kept_orphans] if view.kept_orphans else None,
        (_render_section(section, entries, max_rows, unfold=unfold) for section, entries in sections),
        h.p(".quiet")[DRIFT_LEGEND] if view.sections else None,
    ]


def _render_section(
    section: DriftSection,
    entries: RowEntries[DriftRow],
    max_rows: int | None,
    *,
    unfold: bool,
) -> h.Renderable:
    shown_entries = entries[:max_rows]
    rows = (_render_entry(entry, unfold=unfold) for entry in shown_entries)
    omitted_count = len(section.rows) - shown_entries.row_count
    omitted = f"and {omitted_count:,} more {format_kind(section.kind, omitted_count)}"
    return h.details(".section", open=unfold)[
        h.summary[h.strong[section.title]],
        h.table(".rows")[h.tbody[rows]],
        h.p(".quiet")[omitted] if omitted_count else None,
    ]


def _render_entry(entry: DriftRow | RowGroup[DriftRow], *, unfold: bool) -> h.Renderable:
    if isinstance(entry, DriftRow):
        description = join_facts((describe_drift_row(entry), entry.change_note))
        head = h.fragment[h.code(".address")[entry.address], " ", h.span(".quiet")[description]]
        fields = render_fields_html(entry.fields, signs=entry.direction in TWO_SIDED_DIRECTIONS)
        details = h.details(open=unfold)[h.summary[head], h.div(".details")[fields]]
        return _render_row(entry, details if entry.fields else head)
    sample = entry.sample
    head = h.fragment[h.strong[entry.title], " ", h.span(".quiet")[sample.owner]]
    content = render_group_details_html(entry, signs=sample.direction in TWO_SIDED_DIRECTIONS)
    return _render_row(sample, h.details(open=True)[h.summary[head], content])


def _render_row(row: DriftRow, content: h.Renderable) -> h.Renderable:
    sign = h.span(".glyph", aria_hidden="true")[row.glyph]
    direction = h.span(f".action.{_CSS_CLASSES[row.direction]}")[sign, " ", row.direction]
    return h.tr[h.td(".narrow")[direction], h.td[content]]
