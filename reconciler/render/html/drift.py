"""Drift as HTML."""

from __future__ import annotations

from collections.abc import Mapping

import htpy as h

from reconciler.render.html.parts import render_fields_html
from reconciler.render.text.drift import DRIFT_LEGEND, format_unchanged_count
from reconciler.render.views.drift import (
    TWO_SIDED_DIRECTIONS,
    DriftRow,
    DriftSection,
    DriftView,
    format_drift_counts,
)

_SMALL = 30
"""Drifts of up to this many resources show their attributes at once; those of larger ones unfold."""

_STYLES: Mapping[str, str] = {
    "missing": "delete",
    "changed": "update",
    "extra": "create",
    "unmanaged": "quiet",
}
"""Which of the style's colours each direction has."""


def render_drift_html(view: DriftView) -> h.Renderable:
    """What is not as the file says, by kind."""
    return h.section(aria_label=f"Drift of {view.workspace}")[
        h.p(".title")["Drift of ", h.strong[view.workspace]],
        h.p(".quiet")[" · ".join(part for part in (view.target, view.last_apply) if part)],
        h.p(".summary")[
            h.strong[" · ".join(format_drift_counts(view)) or "No drift"],
            h.span(".quiet")[f" · {format_unchanged_count(view)}"],
        ],
        (h.p(".remark.warning")[h.strong["! could not be looked at"], " ", told] for told in view.unlisted),
        (h.p(".remark.unmanaged")[h.strong["? unmanaged"], " ", told] for told in view.notes),
        (_section(section, unfolded=view.total <= _SMALL) for section in view.sections),
        h.p(".quiet")[DRIFT_LEGEND] if view.sections else None,
    ]


def _section(section: DriftSection, *, unfolded: bool) -> h.Renderable:
    return h.details(".kind", open=unfolded)[
        h.summary[h.strong[section.title]],
        h.table(".rows")[h.tbody[(_row(row, unfolded=unfolded) for row in section.rows)]],
    ]


def _row(row: DriftRow, *, unfolded: bool) -> h.Renderable:
    about = " · ".join(part for part in (row.origin, row.owner_note) if part)
    head = h.fragment[h.code(".address")[row.address], " ", h.span(".quiet")[about]]
    lines = render_fields_html(row.lines, signs=row.direction in TWO_SIDED_DIRECTIONS)
    folded = h.details(open=unfolded)[h.summary[head], h.div(".details")[lines]]
    word = h.span(f".act.{_STYLES[row.direction]}")[h.span(".glyph")[row.glyph], " ", row.direction]
    return h.tr[h.td(".action")[word], h.td[folded if row.lines else head]]
