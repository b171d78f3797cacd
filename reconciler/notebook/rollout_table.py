"""The plans of a rollout in the panel: a row for each environment, and the changes in groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import htpy as h

from reconciler.model.change import ACTIONS, Delete, Replace
from reconciler.notebook.plan_table import render_error
from reconciler.notebook.rollout_protocol import NotebookRolloutPlan
from reconciler.render.html.parts import render_status_html
from reconciler.render.html.plan import render_plan_html
from reconciler.render.html.rollout import render_problems_html, render_rollout_changes_html
from reconciler.render.rich_display import MAX_ROWS
from reconciler.render.views.error import ErrorView
from reconciler.render.views.labels import ACTION_GLYPHS, OUTCOME_GLYPHS, format_counts, join_facts, pluralize
from reconciler.render.views.plan import PlanView
from reconciler.render.views.rollout import (
    EnvironmentRow,
    RolloutView,
    describe_rollout_cost,
    describe_similarity,
    format_rollout_title,
    summarize_rollout,
)

_DESTRUCTIVE_ACTIONS = (Delete.action, Replace.action)
"""Actions for which the user must type the number of environments."""


class RolloutTable:
    """The latest plan of each environment; `names` are all environments in the order of the file."""

    def __init__(self, file: str, names: Sequence[str]) -> None:
        self._file, self._names = file, names
        self._plan: NotebookRolloutPlan | None = None
        self._rows: dict[str, EnvironmentRow] = {}
        self._plan_views: dict[str, PlanView] = {}

    def set_plan(self, plan: NotebookRolloutPlan) -> None:
        """Show new plans; those of other environments stay."""
        self._plan = plan
        self._rows |= {row.name: row for row in plan.rows}
        self._plan_views |= plan.plan_views

    @property
    def _view(self) -> RolloutView:
        assert self._plan is not None
        return self._plan.view

    @property
    def can_apply(self) -> bool:
        """Whether there are changes, and every environment could be planned."""
        return bool(self._view.groups) and not self._view.problems

    @property
    def header(self) -> Mapping[str, Any]:
        """The values above the table; the actions are those of the plans that can be applied."""
        assert self._plan is not None
        view = self._view
        counts = view.counts if self.can_apply else {}
        return {
            "workspace": self._file,
            "target": join_facts((pluralize(view.total, "environment"), describe_similarity(view))),
            "digest": self._plan.digest,
            "actions": [[action, ACTION_GLYPHS[action], counts.get(action, 0)] for action in ACTIONS],
            "summary": join_facts((summarize_rollout(view), describe_rollout_cost(view))),
        }

    @property
    def rows(self) -> Sequence[Sequence[str]]:
        """The name, the target and the changes of each environment."""
        rows = [self._rows.get(name, EnvironmentRow(name, "stopped")) for name in self._names]
        return [
            [row.name, join_facts((row.workspace, row.target)), format_counts(row.counts)] for row in rows
        ]

    @property
    def plans(self) -> str:
        """The changes of all environments in groups, as HTML."""
        return _to_text(render_rollout_changes_html(self._view, max_rows=MAX_ROWS))

    @property
    def confirmation(self) -> Mapping[str, str]:
        """The question before an apply, and the text to type.

        The text is empty if nothing is deleted or replaced.
        """
        view = self._view
        environments = pluralize(sum(len(group.rows) for group in view.groups), "environment")
        is_destructive = any(view.counts.get(action) for action in _DESTRUCTIVE_ACTIONS)
        calls = pluralize(view.calls, "call")
        return {
            "question": f"Send {calls} to {environments}: {format_counts(view.counts)}?",
            "expected": environments if is_destructive else "",
        }

    def render_details(self, row_number: int, messages: Mapping[str, Sequence[str]]) -> str:
        """Return an environment's messages and its plan as HTML; an empty text if there is no such row."""
        if not 0 <= row_number < len(self._names):
            return ""
        name = self._names[row_number]
        lines = messages.get(name, ())
        plan = self._plan_views.get(name)
        return _to_text(
            h.div(".details")[
                h.pre["\n".join(lines)] if lines else None,
                render_plan_html(plan, max_rows=MAX_ROWS) if plan else None,
            ]
        )


def render_banner(view: RolloutView) -> str:
    """Return the result of an apply as HTML; the table has the environments that were applied."""
    status = "applied" if view.ok else "failed"
    title = render_status_html(OUTCOME_GLYPHS[status], status, format_rollout_title(view))
    return _to_text(
        h.section(aria_label=f"Result of {view.file}")[
            h.p(".title")[title, f": {summarize_rollout(view)}"], render_problems_html(view)
        ]
    )


def render_problems(view: RolloutView) -> str:
    """Return why nothing can be applied as HTML; an empty text if every environment could be planned."""
    count = sum(len(group.rows) for group in view.problems)
    if not count:
        return ""
    subject = pluralize(count, "environment")
    return render_error(
        ErrorView(
            f"{subject} of {view.total:,} could not be planned; nothing can be applied",
            next_step="correct the errors below, and plan again; or select the other environments with envs",
        )
    )


def _to_text(html: h.Renderable) -> str:
    """Return HTML as a plain text, because marimo does not send a `Markup` as a text."""
    return str.__str__(str(html))
