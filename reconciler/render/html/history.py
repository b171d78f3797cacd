"""The journal as HTML."""

from __future__ import annotations

from collections.abc import Sequence

import htpy as h

from reconciler.render.html.parts import render_action_html, render_status_html
from reconciler.render.views.history import (
    NO_RUNS,
    CallRow,
    EnvironmentHistoryView,
    HistoryView,
    RolloutHistoryView,
    RunRow,
    RunView,
    StepRow,
    describe_call_status,
    describe_run,
    format_steps,
    summarize_run,
)
from reconciler.render.views.labels import format_workspace

_HEADINGS = ("run", "started (UTC)", "by", "command", "workspace", "status", "steps")


def render_history_html(view: HistoryView) -> h.Renderable:
    """Render a table of runs, the newest first."""
    if not view.rows:
        return h.p[h.strong[NO_RUNS]]
    table = h.table(".with-headings")[
        h.thead[h.tr[(h.th(scope="col")[heading] for heading in _HEADINGS)]],
        h.tbody[map(_render_run_row, view.rows)],
    ]
    return h.fragment[table, _render_problem(view.problem)]


def render_rollout_history_html(view: RolloutHistoryView) -> h.Renderable:
    """Render a table for each environment, and the names of those without runs."""
    names = view.names_without_runs
    return h.fragment[
        map(_render_environment, view.environments_with_runs),
        h.p(".quiet")[f"No runs in {names}"] if names else None,
        _render_problem(view.problem),
    ]


def _render_environment(environment: EnvironmentHistoryView) -> h.Renderable:
    return h.section(aria_label=f"Runs of {environment.name}")[
        h.p(".title")[h.strong[environment.name]],
        h.p(".quiet")[f"{environment.workspace} · {environment.target}"],
        render_history_html(environment.history),
    ]


def _render_problem(problem: str) -> h.Renderable | None:
    if not problem:
        return None
    return h.p(".note.warning")[h.strong["warning"], f" some runs cannot be read in full: {problem}"]


def render_run_html(view: RunView) -> h.Renderable:
    """Render one run: who applied what, then its steps with their calls."""
    run = view.run
    return h.section(aria_label=f"Run {run.id}")[
        h.p(".title")["Run ", h.strong[run.id], " ", render_status_html(run.glyph, run.status)],
        (h.p(".quiet")[line] for line in describe_run(run)),
        h.p(".summary")[summarize_run(run)],
        h.table(".rows")[h.tbody[map(_render_step, view.steps)]] if view.steps else None,
        _render_calls(view.other_calls) if view.other_calls else None,
    ]


def _render_run_row(run: RunRow) -> h.Renderable:
    return h.tr[
        h.th(scope="row")[h.code[run.id]],
        (
            h.td[text]
            for text in (
                run.started_at,
                run.user,
                run.command,
                format_workspace(run.workspace, run.environment),
            )
        ),
        h.td[render_status_html(run.glyph, run.status)],
        h.td[format_steps(run)],
    ]


def _render_step(step: StepRow) -> h.Renderable:
    duration = h.span(".quiet")[" ", step.duration] if step.duration else None
    status = render_status_html(step.glyph, step.status)
    return h.tr[
        h.td(".narrow")[render_action_html(step.action)],
        h.td[
            h.details[
                h.summary[h.code(".address")[step.address], " ", status, duration],
                h.p[step.error] if step.error else None,
                _render_calls(step.calls) if step.calls else h.p(".quiet")["no calls"],
            ]
        ],
    ]


def _render_calls(calls: Sequence[CallRow]) -> h.Renderable:
    return h.table(".lines")[h.tbody[map(_render_call, calls)]]


def _render_call(call: CallRow) -> h.Renderable:
    status = describe_call_status(call)
    details = (call.started_at, call.parameters, call.duration, status, call.request_id)
    return h.tr[
        h.td(".number")[str(call.number)],
        h.th(scope="row")[call.name],
        (h.td(".quiet")[detail] for detail in details),
    ]
