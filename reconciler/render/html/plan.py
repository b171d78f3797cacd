"""A plan as HTML."""

from __future__ import annotations

from collections.abc import Iterator

import htpy as h

from reconciler.render.html.parts import (
    MAX_UNFOLDED,
    render_action_counts_html,
    render_action_html,
    render_fields_html,
    render_requests_html,
)
from reconciler.render.views.labels import format_counts, join_facts
from reconciler.render.views.plan import (
    CostView,
    NoteView,
    PlanRow,
    PlanSection,
    PlanView,
    describe_markers,
    describe_minimum_time,
    describe_no_changes,
    describe_omitted,
    describe_row,
    describe_unchanged,
)


def render_plan_html(view: PlanView) -> h.Renderable:
    """Render a whole plan: its summary, its notes, the changes by kind, and the numbers of its API calls."""
    unfold_fields = view.total <= MAX_UNFOLDED
    return h.section(aria_label=f"Plan for {view.workspace}")[
        h.p(".title")["Plan for ", h.strong[view.workspace]],
        h.p(".quiet")[f"{view.target} · plan {view.digest}"],
        render_plan_summary_html(view),
        map(render_note_html, view.notes),
        (_render_section(section, unfold_fields=unfold_fields) for section in view.sections),
        _render_cost(view.cost) if view.total else None,
    ]


def render_plan_summary_html(view: PlanView, element: h.Element = h.p) -> h.Renderable:
    """Render a plan in one line."""
    if not view.total:
        return element(".summary")[h.strong[describe_no_changes(view)]]
    return element(".summary")[
        render_action_counts_html(view.counts), h.span(".quiet")[describe_markers_and_unchanged(view)]
    ]


def describe_markers_and_unchanged(view: PlanView) -> str:
    """Describe how many changes are of ownership markers, and how many resources a plan leaves unchanged."""
    return join_facts((describe_markers(view), describe_unchanged(view)))


def render_row_details_html(row: PlanRow) -> h.Renderable:
    """Render the fields and the API calls of one change."""
    return h.div(".details")[
        render_fields_html(row.fields, signs=row.action in ("update", "replace")),
        render_requests_html(row.requests),
    ]


def render_note_html(note: NoteView) -> h.Renderable:
    """Render one note."""
    address = h.fragment[h.code[note.address], " "] if note.address else None
    return h.p(f".note.{note.level}")[h.strong[f"{note.glyph} {note.level}"], " ", address, note.text]


def _render_section(section: PlanSection, *, unfold_fields: bool) -> h.Renderable:
    change_count = len(section.rows) + section.omitted
    rows = (_render_row(row, unfold_fields=unfold_fields) for row in section.rows)
    return h.details(".section", open=change_count <= MAX_UNFOLDED)[
        h.summary[h.strong[section.title], " ", h.span(".quiet")[format_counts(section.counts)]],
        h.table(".rows")[h.tbody[rows]],
        h.p(".quiet")[describe_omitted(section)] if section.omitted else None,
    ]


def _render_row(row: PlanRow, *, unfold_fields: bool) -> h.Renderable:
    is_unfolded = unfold_fields and row.action in ("update", "replace")
    # The list of requests has its own count.
    description = h.span(".quiet")[describe_row(row, with_call_count=not row.requests)]
    return h.tr[
        h.td(".narrow")[render_action_html(row.action)],
        h.td[
            h.details(open=is_unfolded)[
                h.summary[h.code(".address")[row.address], " ", description],
                render_row_details_html(row),
            ]
        ],
    ]


def _render_cost(cost: CostView) -> h.Renderable:
    summary = f"{cost.total:,}, {describe_minimum_time(cost)}"
    has_shared_quota = cost.explanation and not cost.bottleneck
    return h.details(".section")[
        h.summary[h.strong["API calls"], " ", h.span(".quiet")[summary]],
        h.table(".lines")[h.tbody[_render_call_counts(cost)]],
        h.p(".quiet")[cost.explanation] if has_shared_quota else None,
    ]


def _render_call_counts(cost: CostView) -> Iterator[h.Node]:
    for name, count in cost.by_api:
        explanation = cost.explanation if name == cost.bottleneck else ""
        yield h.tr[h.td(".number")[f"{count:,}"], h.th(scope="row")[name], h.td(".quiet")[explanation]]
