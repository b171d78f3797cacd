"""A rollout as HTML: what approval must not miss, the details of each group, and all environments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import htpy as h

from reconciler.render.html.drift import render_drifted_resources_html
from reconciler.render.html.parts import render_status_html
from reconciler.render.html.plan import render_plan_changes_html
from reconciler.render.views.labels import format_duration, join_facts, pluralize
from reconciler.render.views.rollout import (
    STATUS_GLYPHS,
    STATUS_STYLES,
    EnvironmentGroup,
    EnvironmentRow,
    RolloutView,
    describe_group,
    describe_rollout_cost,
    describe_row,
    describe_similarity,
    format_status,
    list_dangers,
    list_names,
    summarize_rollout,
)

_MAX_UNFOLDED_GROUPS = 3
"""The details of more groups are folded."""

_HEADINGS = ("environment", "status", "changes", "calls", "least time", "workspace", "target", "plan")


def render_rollout_html(
    view: RolloutView, *, full: bool = False, max_rows: int | None = None
) -> h.Renderable:
    """Render a rollout of any command.

    With `full`, alike changes inside an environment are not grouped. `max_rows` limits the changes of each kind.
    """
    command = {"plan": "Plan for", "drift": "Drift of"}.get(view.command, f"{view.command.capitalize()} of")
    digest = f"plan {view.digest}" if view.digest else ""
    return h.section(aria_label=f"{command} {view.total} environments")[
        h.p(".title")[f"{command} ", h.strong[pluralize(view.total, "environment")], f" of {view.file}"],
        h.p(".quiet")[
            join_facts((digest, describe_similarity(view), describe_rollout_cost(view), view.edges))
        ],
        h.p(".summary")[h.strong[summarize_rollout(view)]],
        h.p[(h.fragment[_render_status_count(*item), " "] for item in view.status_counts.items())],
        render_rollout_changes_html(view, full=full, max_rows=max_rows),
        _render_environments(view.rows) if view.rows else None,
    ]


def render_rollout_changes_html(
    view: RolloutView, *, full: bool = False, max_rows: int | None = None
) -> h.Renderable:
    """Render what approval must not miss, and the details of each group, as `render_rollout_html` does."""
    unfold = len(view.groups) <= _MAX_UNFOLDED_GROUPS
    return h.fragment[
        _render_dangers(view),
        render_problems_html(view),
        (_render_group(group, unfold=unfold, full=full, max_rows=max_rows) for group in view.groups),
    ]


def _render_status_count(status: str, count: int) -> h.Renderable:
    label = f"{count:,} {format_status(status)}"
    return render_status_html(STATUS_GLYPHS[status], STATUS_STYLES[status], label)


def _render_dangers(view: RolloutView) -> h.Node:
    dangers = list_dangers(view)
    if not dangers:
        return None
    return h.details(".section", open=True)[
        h.summary[h.strong["Deletions, replacements and warnings"]],
        (h.p(".note.warning")[h.strong[environments], " ", danger] for environments, danger in dangers),
    ]


def render_problems_html(view: RolloutView) -> h.Renderable:
    """Render the environments with problems, each message once."""
    return h.fragment[map(_render_problem, view.problems)]


def _render_problem(group: EnvironmentGroup) -> h.Renderable:
    sample = group.sample
    status = render_status_html(sample.glyph, STATUS_STYLES[sample.status], sample.status)
    return h.div(".failure")[
        h.p[status, " ", h.strong[list_names(group.names)]],
        h.pre["\n".join(sample.message)] if sample.message else None,
    ]


def _render_group(group: EnvironmentGroup, *, unfold: bool, full: bool, max_rows: int | None) -> h.Renderable:
    sample = group.sample
    is_single = len(group.rows) == 1
    names = join_facts((sample.workspace, sample.target)) if is_single else list_names(group.names, full=True)
    return h.details(".section", open=unfold)[
        h.summary[h.strong[group.title], " ", h.span(".quiet")[describe_group(group)]],
        h.div(".details")[
            h.p(".quiet")[names],
            render_plan_changes_html(group.plan, full=full, max_rows=max_rows) if group.plan else None,
            render_drifted_resources_html(group.drift, full=full, max_rows=max_rows) if group.drift else None,
        ],
    ]


def _render_environments(rows: Sequence[EnvironmentRow]) -> h.Renderable:
    return h.details(".section")[
        h.summary[h.strong["All environments"], " ", h.span(".quiet")[f"{len(rows):,}"]],
        h.table(".with-headings")[
            h.thead[h.tr[(h.th(scope="col")[heading] for heading in _HEADINGS)]],
            h.tbody[(h.tr[_render_cells(row)] for row in rows)],
        ],
    ]


def _render_cells(row: EnvironmentRow) -> Iterator[h.Renderable]:
    yield h.th(scope="row")[h.code[row.name]]
    yield h.td[render_status_html(row.glyph, STATUS_STYLES[row.status], row.status)]
    yield h.td[describe_row(row)]
    yield h.td(".number")[f"{row.calls:,}" if row.calls else ""]
    yield h.td[format_duration(row.seconds) if row.seconds else ""]
    yield h.td[row.workspace]
    yield h.td[row.target]
    yield h.td[h.code[row.digest]]
