"""Errors and mistakes in the file, as HTML."""

from __future__ import annotations

import htpy as h

from reconciler.render.html.parts import render_status_html
from reconciler.render.views.diagnostics import DiagnosticRow, DiagnosticsView, Excerpt
from reconciler.render.views.error import ErrorView
from reconciler.render.views.plan import pluralize
from reconciler.render.views.result import OUTCOME_GLYPHS


def render_error_html(view: ErrorView) -> h.Renderable:
    """What went wrong, and what to do next."""
    return h.div(".failure")[
        h.p[render_status_html(OUTCOME_GLYPHS["failed"], "failed", "error"), " ", h.strong[view.title]],
        h.ul[(h.li[point] for point in view.reasons)] if view.reasons else None,
        render_diagnostics_html(view.diagnostics) if view.diagnostics else None,
        h.p[h.span(".quiet")["next "], view.next_step] if view.next_step else None,
    ]


def render_diagnostics_html(view: DiagnosticsView) -> h.Renderable:
    """Every mistake with its place, and how many there are."""
    counted = [pluralize(view.errors, "mistake")] if view.errors else []
    counted += [pluralize(view.warnings, "warning")] if view.warnings else []
    return h.section(aria_label="Mistakes")[
        h.p(".title")[h.strong[" and ".join(counted)]], (_mistake(row) for row in view.rows)
    ]


def _mistake(row: DiagnosticRow) -> h.Renderable:
    return h.div(".failure")[
        h.p[
            h.strong(".end.failed" if row.severity == "error" else ".end.skipped")[f"{row.severity}:"],
            " ",
            h.code[row.location],
            " ",
            h.code[row.path] if row.path else None,
        ],
        _excerpt(row.excerpt) if row.excerpt else None,
        h.p[row.problem],
        h.p[h.span(".quiet")["expected "], row.expected] if row.expected else None,
        h.p[h.span(".quiet")["did you mean "], h.strong[row.nearest], "?"] if row.nearest else None,
    ]


def _excerpt(excerpt: Excerpt) -> h.Renderable:
    start, end = excerpt.start, excerpt.start + excerpt.length
    meant = h.mark[excerpt.text[start:end]]
    return h.pre[h.span(".quiet")[f"{excerpt.number} | "], excerpt.text[:start], meant, excerpt.text[end:]]
