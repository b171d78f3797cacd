"""Errors, and diagnostics of the desired state, as HTML."""

from __future__ import annotations

import htpy as h

from reconciler.render.html.parts import render_status_html
from reconciler.render.views.diagnostics import (
    DiagnosticRow,
    DiagnosticsView,
    Excerpt,
    format_diagnostic_counts,
)
from reconciler.render.views.error import ErrorView
from reconciler.render.views.labels import OUTCOME_GLYPHS


def render_error_html(view: ErrorView) -> h.Renderable:
    """Render an error: what happened, every reason, its diagnostics, and the next step."""
    return h.div(".failure")[
        h.p[render_status_html(OUTCOME_GLYPHS["failed"], "failed", "error"), " ", h.strong[view.title]],
        h.ul[(h.li[reason] for reason in view.reasons)] if view.reasons else None,
        map(_render_diagnostic, view.diagnostics.rows) if view.diagnostics else None,
        h.p[h.span(".quiet")["next step "], view.next_step] if view.next_step else None,
    ]


def render_diagnostics_html(view: DiagnosticsView) -> h.Renderable:
    """Render every diagnostic with its line in the file, and the numbers of errors and warnings."""
    return h.section(aria_label="Diagnostics")[
        h.p(".title")[h.strong[format_diagnostic_counts(view)]], map(_render_diagnostic, view.rows)
    ]


def _render_diagnostic(row: DiagnosticRow) -> h.Renderable:
    severity = h.strong(".status.failed" if row.severity == "error" else ".status.skipped")[
        f"{row.severity}:"
    ]
    path = h.code[row.path] if row.path else None
    code = h.span(".quiet")[f" [{row.code}]"] if row.code else None
    return h.div(".failure")[
        h.p[severity, " ", h.code[row.location], " ", path, code],
        _render_excerpt(row.excerpt) if row.excerpt else None,
        h.p[row.problem],
        h.p[h.span(".quiet")["expected "], row.expected] if row.expected else None,
        h.p[h.span(".quiet")["did you mean "], h.strong[row.nearest], "?"] if row.nearest else None,
    ]


def _render_excerpt(excerpt: Excerpt) -> h.Renderable:
    start, end = excerpt.start, excerpt.start + excerpt.length
    subject = h.mark[excerpt.text[start:end]]
    return h.pre[h.span(".quiet")[f"{excerpt.number} | "], excerpt.text[:start], subject, excerpt.text[end:]]
