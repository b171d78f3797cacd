"""A plan as HTML."""

from __future__ import annotations

from collections.abc import Iterator

import htpy as h

from reconciler.render.html.parts import (
    render_action_counts_html,
    render_action_html,
    render_fields_html,
    render_requests_html,
)
from reconciler.render.text.plan import render_plan_summary
from reconciler.render.views.plan import (
    CostView,
    NoteView,
    PlanRow,
    PlanSection,
    PlanView,
    format_counts,
    format_duration,
    pluralize,
)

_SMALL = 30
"""Plans up to this many changes show the attributes of updates and replacements at once; those of larger ones unfold."""


def render_plan_html(view: PlanView) -> h.Renderable:
    """The whole plan: what it comes to, the changes by kind, what there is to know, what it costs."""
    small = view.total <= _SMALL
    return h.section(aria_label=f"Plan for {view.workspace}")[
        h.p(".title")["Plan for ", h.strong[view.workspace]],
        h.p(".quiet")[f"{view.target} · plan {view.digest}"],
        render_plan_summary_html(view),
        (render_note_html(found) for found in view.notes),
        (_section(section, unfolded=small) for section in view.sections),
        _cost(view.cost) if view.total else None,
    ]


def render_plan_summary_html(view: PlanView, line: h.Element = h.p) -> h.Renderable:
    """The plan in one line."""
    if not view.total:
        return line(".summary")[h.strong[render_plan_summary(view).plain]]
    return line(".summary")[
        render_action_counts_html(view.counts), h.span(".quiet")[format_plan_remainder(view)]
    ]


def format_plan_remainder(view: PlanView) -> str:
    """What a plan leaves as it is, and what of it is the workspace's own."""
    files, marks = view.unchanged - view.unchanged_markers, view.unchanged_markers
    own = f" and {pluralize(marks, 'own mark')}" if marks else ""
    among = f"{pluralize(view.markers, 'own mark')} among them" if view.markers else ""
    return " · ".join(part for part in (among, f"{files:,}{own} unchanged" if view.unchanged else "") if part)


def render_row_details_html(row: PlanRow) -> h.Renderable:
    """All that is behind one change: its attributes and its calls."""
    return h.div(".details")[
        render_fields_html(row.fields, signs=row.action in ("update", "replace")),
        render_requests_html(row.requests),
    ]


def format_row_facts(row: PlanRow) -> str:
    """Where it is declared and what it takes, in a few words."""
    waits = f"waits for at most {format_duration(row.wait_seconds)}" if row.wait_seconds else ""
    calls = "" if row.requests else pluralize(row.calls, "call")
    return " · ".join(part for part in (row.origin, calls, waits) if part)


def _section(section: PlanSection, *, unfolded: bool) -> h.Renderable:
    more = f"and {section.omitted:,} more {section.title[:1].lower()}{section.title[1:]}"
    return h.details(".kind", open=len(section.rows) + section.omitted <= _SMALL)[
        h.summary[h.strong[section.title], " ", h.span(".quiet")[format_counts(section.counts)]],
        h.table(".rows")[h.tbody[(_row(row, unfolded=unfolded) for row in section.rows)]],
        h.p(".quiet")[more] if section.omitted else None,
    ]


def _row(row: PlanRow, *, unfolded: bool) -> h.Renderable:
    unfold = unfolded and row.action in ("update", "replace")
    return h.tr[
        h.td(".action")[render_action_html(row.action)],
        h.td[
            h.details(open=unfold)[
                h.summary[h.code(".address")[row.address], " ", h.span(".quiet")[format_row_facts(row)]],
                render_row_details_html(row),
            ]
        ],
    ]


def render_note_html(found: NoteView) -> h.Renderable:
    """Something to know that is no change."""
    address = h.fragment[h.code[found.address], " "] if found.address else None
    said = h.strong[f"{found.glyph} {found.level}"]
    return h.p(f".remark.{found.level}")[said, " ", address, found.text]


def _cost(cost: CostView) -> h.Renderable:
    least = f"{cost.total:,}, at the least {format_duration(cost.seconds)} under AWS's quotas"
    because = cost.explanation if cost.explanation and not cost.bottleneck else None
    return h.details(".kind")[
        h.summary[h.strong["API calls"], " ", h.span(".quiet")[least]],
        h.table(".lines")[h.tbody[_calls(cost)]],
        h.p(".quiet")[because] if because else None,
    ]


def _calls(cost: CostView) -> Iterator[h.Node]:
    for name, count in cost.by_api:
        why = h.td(".quiet")[cost.explanation if name == cost.bottleneck else ""]
        yield h.tr[h.td(".number")[f"{count:,}"], h.th(scope="row")[name], why]
