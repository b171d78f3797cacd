"""Drift as HTML."""

from __future__ import annotations

from collections.abc import Mapping

import htpy as h

from reconciler.render.html.parts import MAX_UNFOLDED, render_fields_html
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
from reconciler.render.views.labels import join_facts

_CSS_CLASSES: Mapping[str, str] = {
    "missing": "delete",
    "changed": "update",
    "extra": "create",
    "unmanaged": "quiet",
}
"""The CSS class of each direction, which determines its color."""


def render_drift_html(view: DriftView) -> h.Renderable:
    """Render a whole drift: its summary, and the resources by kind."""
    unfold = view.total <= MAX_UNFOLDED
    counts = join_facts(format_drift_counts(view)) or "No drift"
    return h.section(aria_label=f"Drift of {view.workspace}")[
        h.p(".title")["Drift of ", h.strong[view.workspace]],
        h.p(".quiet")[join_facts((view.target, view.last_apply))],
        h.p(".summary")[h.strong[counts], h.span(".quiet")[f" · {format_unchanged_count(view)}"]],
        (h.p(".note.warning")[h.strong["! cannot list"], " ", problem] for problem in view.unlisted),
        (h.p(".note.unmanaged")[h.strong["? unmanaged"], " ", note] for note in view.notes),
        (_render_section(section, unfold=unfold) for section in view.sections),
        h.p(".quiet")[DRIFT_LEGEND] if view.sections else None,
    ]


def _render_section(section: DriftSection, *, unfold: bool) -> h.Renderable:
    rows = (_render_row(row, unfold=unfold) for row in section.rows)
    return h.details(".section", open=unfold)[
        h.summary[h.strong[section.title]], h.table(".rows")[h.tbody[rows]]
    ]


def _render_row(row: DriftRow, *, unfold: bool) -> h.Renderable:
    head = h.fragment[h.code(".address")[row.address], " ", h.span(".quiet")[describe_drift_row(row)]]
    fields = render_fields_html(row.fields, signs=row.direction in TWO_SIDED_DIRECTIONS)
    details = h.details(open=unfold)[h.summary[head], h.div(".details")[fields]]
    sign = h.span(".glyph", aria_hidden="true")[row.glyph]
    direction = h.span(f".action.{_CSS_CLASSES[row.direction]}")[sign, " ", row.direction]
    return h.tr[h.td(".narrow")[direction], h.td[details if row.fields else head]]
