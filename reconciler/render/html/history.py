"""The journal as HTML."""

from __future__ import annotations

import htpy as h

from reconciler.render.html.parts import render_action_html, render_status_html
from reconciler.render.text.history import NO_RUNS, format_state_counts
from reconciler.render.views.history import CallRow, HistoryView, RunView, StepRow
from reconciler.render.views.plan import pluralize


def render_history_html(view: HistoryView) -> h.Renderable:
    """A table of runs, the newest first."""
    if not view.rows:
        return h.p[h.strong[NO_RUNS]]
    heads = ("run", "begun (UTC)", "by", "command", "workspace", "status", "steps")
    return h.table(".sides")[
        h.thead[h.tr[(h.th(scope="col")[head] for head in heads)]],
        h.tbody[
            (
                h.tr[
                    h.th(scope="row")[h.code[row.id]],
                    (h.td[told] for told in (row.started_at, row.user, row.command, row.workspace)),
                    h.td[render_status_html(row.glyph, row.status)],
                    h.td[format_state_counts(row.counts)],
                ]
                for row in view.rows
            )
        ],
    ]


def render_run_html(view: RunView) -> h.Renderable:
    """One run: who and what, then its steps with their calls."""
    run = view.run
    job = f", {run.job}" if run.job else ""
    about = (
        f"{run.target} · {run.command} of {run.workspace} · plan {run.plan} · file {run.file}",
        f"by {run.user}, process {run.process}{job}",
        f"begun {run.started_at} UTC{f', took {run.duration}' if run.duration else ''}",
    )
    unanswered = f", {run.unanswered:,} without an answer" if run.unanswered else ""
    return h.section(aria_label=f"Run {run.id}")[
        h.p(".title")["Run ", h.strong[run.id], " ", render_status_html(run.glyph, run.status)],
        (h.p(".quiet")[line] for line in about),
        h.p(".summary")[f"{format_state_counts(run.counts)} · {pluralize(run.calls, 'call')}{unanswered}"],
        h.table(".rows")[h.tbody[(_step(step) for step in view.steps)]] if view.steps else None,
        _calls(view.other_calls) if view.other_calls else None,
    ]


def _step(step: StepRow) -> h.Renderable:
    took = h.span(".quiet")[" ", step.duration] if step.duration else None
    return h.tr[
        h.td(".action")[render_action_html(step.action)],
        h.td[
            h.details[
                h.summary[
                    h.code(".address")[step.address], " ", render_status_html(step.glyph, step.state), took
                ],
                h.p[step.error] if step.error else None,
                _calls(step.calls) if step.calls else h.p(".quiet")["no calls"],
            ]
        ],
    ]


def _calls(calls: tuple[CallRow, ...]) -> h.Renderable:
    return h.table(".lines")[h.tbody[(_call(call) for call in calls)]]


def _call(call: CallRow) -> h.Renderable:
    result = f"{call.state} {call.code}".strip()
    about = (call.started_at, call.parameters, call.duration, result, call.request_id)
    return h.tr[
        h.td(".number")[str(call.number)],
        h.th(scope="row")[call.name],
        (h.td(".quiet")[told] for told in about),
    ]
