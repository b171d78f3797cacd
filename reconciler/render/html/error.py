"""Errors and mistakes in the file, as HTML."""

from __future__ import annotations

import htpy as h

from reconciler.render.html import parts
from reconciler.render.views.diagnostics import Excerpt, MistakeRow, MistakesView
from reconciler.render.views.error import Trouble
from reconciler.render.views.plan import plural
from reconciler.render.views.result import ENDS


def trouble(view: Trouble) -> h.Renderable:
    """What went wrong, and what to do next."""
    return h.div(".failure")[
        h.p[parts.word(ENDS["failed"], "failed", "error"), " ", h.strong[view.title]],
        h.ul[(h.li[point] for point in view.points)] if view.points else None,
        mistakes(view.mistakes) if view.mistakes else None,
        h.p[h.span(".quiet")["next "], view.next_step] if view.next_step else None,
    ]


def mistakes(view: MistakesView) -> h.Renderable:
    """Every mistake with its place, and how many there are."""
    counted = [plural(view.errors, "mistake")] if view.errors else []
    counted += [plural(view.warnings, "warning")] if view.warnings else []
    return h.section(aria_label="Mistakes")[
        h.p(".title")[h.strong[" and ".join(counted)]], (_mistake(row) for row in view.rows)
    ]


def _mistake(row: MistakeRow) -> h.Renderable:
    return h.div(".failure")[
        h.p[
            h.strong(".end.failed" if row.severity == "error" else ".end.skipped")[f"{row.severity}:"],
            " ",
            h.code[row.place],
            " ",
            h.code[row.where] if row.where else None,
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
