"""The result of an apply as HTML."""

from __future__ import annotations

from collections.abc import Sequence

import htpy as h

from reconciler.model.status import format_status_counts
from reconciler.render.html.parts import render_action_html, render_status_html, render_value_html
from reconciler.render.views.failure_groups import group_failures, group_skipped
from reconciler.render.views.labels import OUTCOME_GLYPHS, format_workspace
from reconciler.render.views.result import (
    FailureView,
    OutcomeView,
    ResultView,
    StaleFieldView,
    summarize_result,
)


def render_result_html(view: ResultView, *, how_to_continue: str = "run apply again") -> h.Renderable:
    """Render a result: its summary, what was not applied and why, what to do next, and the outcomes.

    `how_to_continue` is what continues a run that was stopped.
    """
    summary = summarize_result(view)
    title = render_status_html(OUTCOME_GLYPHS[summary.status], summary.status, summary.title)
    return h.section(aria_label=f"Result of applying {format_workspace(view.workspace, view.environment)}")[
        h.p(".title")[title, summary.details],
        map(_render_failure, group_failures(view.failures)),
        (_render_skipped(address, count) for address, count in group_skipped(view.skipped)),
        _render_canceled(view.counts["canceled"], how_to_continue),
        render_outcomes_html(view) if view.outcomes else None,
    ]


def render_outcomes_html(view: ResultView) -> h.Renderable:
    """Render the steps that the view lists, with their outcomes, and the number of those that it omits."""
    return h.details(".section")[
        h.summary[h.strong["Steps"], " ", h.span(".quiet")[format_status_counts(view.counts)]],
        h.table(".rows")[h.tbody[map(_render_outcome, view.outcomes)]],
        h.p(".quiet")[f"and {view.omitted:,} more"] if view.omitted else None,
    ]


def _render_failure(failure: FailureView) -> h.Renderable:
    code = h.fragment[h.strong[failure.code], ": "] if failure.code else None
    facts: tuple[tuple[str, h.Node], ...] = (
        ("error", h.fragment[code, failure.message]),
        ("request", failure.request_id),
        ("next step", failure.next_step),
    )
    rows = (h.tr[h.th(scope="row")[label], h.td[fact]] for label, fact in facts if fact)
    return h.div(".failure")[
        h.p[render_status_html(OUTCOME_GLYPHS["failed"], "failed"), " ", h.strong[failure.description]],
        h.table(".lines")[h.tbody[rows]],
        _render_stale_fields(failure.stale_fields) if failure.stale_fields else None,
    ]


def _render_stale_fields(fields: Sequence[StaleFieldView]) -> h.Renderable:
    """Render the fields that someone else changed since the plan was made."""
    headings = ("field", "at plan time", "planned", "live")
    return h.table(".with-headings")[
        h.thead[h.tr[(h.th(scope="col")[heading] for heading in headings)]],
        h.tbody[map(_render_stale_field, fields)],
    ]


def _render_stale_field(field: StaleFieldView) -> h.Renderable:
    values = (field.at_plan_time, field.planned, field.live)
    return h.tr[h.th(scope="row")[field.path], (h.td[render_value_html(value)] for value in values)]


def _render_skipped(address: str, count: int) -> h.Renderable:
    status = render_status_html(OUTCOME_GLYPHS["skipped"], "skipped", f"{count:,} skipped")
    return h.p[status, " because ", h.code[address], " failed"]


def _render_canceled(count: int, how_to_continue: str) -> h.Node:
    if not count:
        return None
    status = render_status_html(OUTCOME_GLYPHS["canceled"], "canceled", f"{count:,} canceled")
    return h.p[status, f" because the run was stopped; {how_to_continue} to continue"]


def _render_outcome(outcome: OutcomeView) -> h.Renderable:
    return h.tr[
        h.td(".narrow")[render_action_html(outcome.action)],
        h.td[h.code(".address")[outcome.address]],
        h.td[render_status_html(outcome.glyph, outcome.status)],
        h.td(".quiet")[outcome.details],
    ]
