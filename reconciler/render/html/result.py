"""Results, comparisons and mistakes as HTML."""

from __future__ import annotations

from collections.abc import Sequence

import htpy as h

from reconciler.render.html.parts import render_action_html, render_status_html, render_value_html
from reconciler.render.views.plan import pluralize
from reconciler.render.views.result import (
    OUTCOME_GLYPHS,
    FailureView,
    OutcomeView,
    ResultView,
    StaleFieldView,
    summarize_result,
)


def render_result_html(view: ResultView) -> h.Renderable:
    """What was done, what was not and why, what to do next, and every step with its end."""
    end, first, rest = summarize_result(view)
    return h.section(aria_label=f"Result of applying {view.workspace}")[
        h.p(".title")[render_status_html(OUTCOME_GLYPHS[end], end, first), rest],
        (_failure(failure) for failure in view.failures),
        (_skipped(address, count) for address, count in view.skipped),
        _cancelled(view.counts["cancelled"]),
        render_outcomes_html(view) if view.outcomes else None,
    ]


def render_outcomes_html(view: ResultView) -> h.Renderable:
    """Every step and what became of it."""
    return h.details(".kind")[
        h.summary[h.strong["Steps"], " ", h.span(".quiet")[_counted(view)]],
        h.table(".rows")[h.tbody[(_end(end) for end in view.outcomes)]],
        h.p(".quiet")[f"and {view.omitted:,} more"] if view.omitted else None,
    ]


def _counted(view: ResultView) -> str:
    return ", ".join(f"{count:,} {word}" for word, count in view.counts.items() if count)


def _failure(failure: FailureView) -> h.Renderable:
    code = h.fragment[h.strong[failure.code], ": "] if failure.code else None
    about: tuple[tuple[str, h.Node], ...] = (
        ("answer", h.fragment[code, failure.message]),
        ("request", failure.request_id),
        ("next", failure.next_step),
    )
    return h.div(".failure")[
        h.p[render_status_html(OUTCOME_GLYPHS["failed"], "failed"), " ", h.strong[failure.operation]],
        h.table(".lines")[
            h.tbody[(h.tr[h.th(scope="row")[name], h.td[told]] for name, told in about if told)]
        ],
        _moved(failure.stale_fields) if failure.stale_fields else None,
    ]


def _moved(found: Sequence[StaleFieldView]) -> h.Renderable:
    """What somebody else changed: as the plan saw it, as it would make it, and as it is now."""
    heads = ("attribute", "the plan saw", "it would be", "it is now")
    return h.table(".sides")[
        h.thead[h.tr[(h.th(scope="col")[head] for head in heads)]],
        h.tbody[
            (
                h.tr[
                    h.th(scope="row")[one.path],
                    (h.td[render_value_html(v)] for v in (one.at_plan_time, one.planned, one.live)),
                ]
                for one in found
            )
        ],
    ]


def _skipped(address: str, count: int) -> h.Renderable:
    said = render_status_html(OUTCOME_GLYPHS["skipped"], "skipped", f"{count:,} skipped")
    return h.p[said, " because ", h.code[address], " failed"]


def _cancelled(count: int) -> h.Node:
    if not count:
        return None
    said = render_status_html(OUTCOME_GLYPHS["cancelled"], "cancelled", pluralize(count, "step"))
    return h.p[said, " not begun, because the run was stopped; apply again to go on"]


def _end(end: OutcomeView) -> h.Renderable:
    return h.tr[
        h.td(".action")[render_action_html(end.action)],
        h.td[h.code(".address")[end.address]],
        h.td[render_status_html(end.glyph, end.status)],
        h.td(".quiet")[end.details],
    ]
