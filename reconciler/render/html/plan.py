"""A plan as HTML."""

from __future__ import annotations

from collections.abc import Iterator

import htpy as h

from reconciler.render.html.parts import (
    MAX_UNFOLDED,
    render_action_counts_html,
    render_action_html,
    render_fields_html,
    render_group_details_html,
    render_requests_html,
    render_workspace_html,
)
from reconciler.render.views.grouping import RowEntries, RowGroup, group_rows, has_document
from reconciler.render.views.labels import format_counts, format_workspace, join_facts, pluralize
from reconciler.render.views.note_groups import group_notes
from reconciler.render.views.plan import (
    CostView,
    NoteView,
    PlanRow,
    PlanSection,
    PlanView,
    describe_group,
    describe_markers,
    describe_minimum_time,
    describe_no_changes,
    describe_omitted,
    describe_row,
    describe_unchanged,
)


def render_plan_html(view: PlanView, *, full: bool = False, max_rows: int | None = None) -> h.Renderable:
    """Render a whole plan: its summary, the changes by kind, its notes, and the numbers of its API calls.

    Alike changes and notes are groups or, with `full`, one by one. `max_rows` limits the changes and groups of each kind, and the notes.
    """
    return h.section(aria_label=f"Plan for {format_workspace(view.workspace, view.environment)}")[
        h.p(".title")["Plan for ", *render_workspace_html(view.workspace, view.environment)],
        h.p(".quiet")[f"{view.target} · plan {view.digest}"],
        (h.p(".quiet")[source] for source in view.sources),
        render_plan_summary_html(view),
        render_plan_changes_html(view, full=full, max_rows=max_rows),
        _render_cost(view.cost) if view.total else None,
    ]


def render_plan_changes_html(
    view: PlanView, *, full: bool = False, max_rows: int | None = None
) -> h.Renderable:
    """Render the changes of a plan by kind, and its notes; the options are those of `render_plan_html`."""
    notes = group_notes(view.notes, full=full)
    omitted_note_count = len(notes) - len(notes[:max_rows])
    sections = [(section, group_rows(section.rows, full=full)[:max_rows]) for section in view.sections]
    unfold_fields = sum(len(entries) for _, entries in sections) <= MAX_UNFOLDED
    return h.fragment[
        (_render_section(section, entries, unfold_fields=unfold_fields) for section, entries in sections),
        map(render_note_html, notes[:max_rows]),
        h.p(".quiet")[f"and {pluralize(omitted_note_count, 'more note')}"] if omitted_note_count else None,
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


def render_group_rows_html(group: RowGroup[PlanRow]) -> h.Renderable:
    """Render the values of alike changes, the exceptions, and the addresses that approval needs."""
    return render_group_details_html(group, signs=group.sample.action in ("update", "replace"))


def render_note_html(note: NoteView) -> h.Renderable:
    """Render one note."""
    address = h.fragment[h.code[note.address], " "] if note.address else None
    return h.p(f".note.{note.level}")[h.strong[f"{note.glyph} {note.level}"], " ", address, note.text]


def _render_section(
    section: PlanSection, entries: RowEntries[PlanRow], *, unfold_fields: bool
) -> h.Renderable:
    rows = (_render_entry(entry, unfold_fields=unfold_fields) for entry in entries)
    omitted_count = section.omitted + len(section.rows) - entries.row_count
    omitted = h.p(".quiet")[describe_omitted(section.kind, omitted_count)] if omitted_count else None
    shows_document = any(
        has_document(entry.sample if isinstance(entry, RowGroup) else entry) for entry in entries
    )
    is_unfolded = len(entries) <= MAX_UNFOLDED or shows_document
    return h.details(".section", open=is_unfolded)[
        h.summary[h.strong[section.title], " ", h.span(".quiet")[format_counts(section.counts)]],
        h.table(".rows")[h.tbody[rows]],
        omitted,
    ]


def _render_entry(entry: PlanRow | RowGroup[PlanRow], *, unfold_fields: bool) -> h.Renderable:
    """Render one change or one group; what has a document is unfolded, so that it is not approved unread."""
    if isinstance(entry, PlanRow):
        is_unfolded = (unfold_fields and entry.action in ("update", "replace")) or has_document(entry)
        # The list of requests has its own count.
        description = describe_row(entry, with_call_count=not entry.requests)
        head = h.code(".address")[entry.address]
        return _render_row(entry.action, head, description, render_row_details_html(entry), is_unfolded)
    return _render_row(
        entry.sample.action,
        h.strong[entry.title],
        describe_group(entry),
        render_group_rows_html(entry),
        is_unfolded=True,
    )


def _render_row(
    action: str,
    head: h.Renderable,
    description: str,
    details: h.Renderable,
    is_unfolded: bool,  # noqa: FBT001 (all are parts of one row)
) -> h.Renderable:
    summary = h.summary[head, " ", h.span(".quiet")[description]]
    return h.tr[
        h.td(".narrow")[render_action_html(action)], h.td[h.details(open=is_unfolded)[summary, details]]
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
