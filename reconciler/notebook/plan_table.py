"""One plan as a panel has it: rows short enough to send ten thousand of them, and what is behind each when it is asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import htpy as h

from reconciler.model.address import Address
from reconciler.model.change import ACTIONS, Change, Delete, Replace, Update
from reconciler.model.errors import ReconcilerError
from reconciler.model.outcome import Result
from reconciler.model.plan import Plan, Step
from reconciler.notebook.workspace_protocol import NotebookWorkspace
from reconciler.render.graph.svg import render_svg
from reconciler.render.html.error import render_error_html
from reconciler.render.html.plan import format_plan_remainder, render_note_html, render_row_details_html
from reconciler.render.html.result import render_result_html
from reconciler.render.rich_display import MAX_ROWS, DisplayedGraph, DisplayedPlan
from reconciler.render.text.plan import render_plan_summary
from reconciler.render.views.error import ErrorView, build_error_view
from reconciler.render.views.format_value import truncate, visible
from reconciler.render.views.plan import (
    ACTION_GLYPHS,
    FieldLine,
    PlanView,
    build_plan_row,
    build_plan_view,
    describe_change,
    format_counts,
    format_duration,
    format_origin,
    pluralize,
)
from reconciler.render.views.result import build_result_view

_ABOUT = 90
"""Letters of what differs, in a row."""
_DESTROYING = (Delete.action, Replace.action)
"""What needs the workspace's name to be typed."""
MARKS: Mapping[str, str] = {
    "started": "s",
    "waiting": "w",
    "applied": "a",
    "failed": "f",
    "skipped": "k",
    "cancelled": "c",
}
"""One letter for what became of a step, so that ten thousand of them are a short text."""


class Sheet:
    """A plan and what became of its steps."""

    def __init__(self, workspace: NotebookWorkspace, plan: Plan) -> None:
        self.plan = plan
        self._places = {step.address: place for place, step in enumerate(plan.steps)}
        self._ends = [" "] * len(plan.steps)
        self._view = build_plan_view(
            plan, unchanged_markers=workspace.count_unchanged_markers(plan), max_rows=0
        )

    @property
    def head(self) -> Mapping[str, Any]:
        """What stands above the table."""
        view = self._view
        return {
            "workspace": view.workspace,
            "target": view.target,
            "digest": self.plan.digest,
            "actions": [[action, ACTION_GLYPHS[action], view.counts.get(action, 0)] for action in ACTIONS],
            "kinds": [[section.kind, section.title] for section in view.sections],
            "about": _cost(view) if view.total else render_plan_summary(view).plain,
        }

    @property
    def rows(self) -> Sequence[Sequence[Any]]:
        """Action, kind, address, what differs, and where it is declared, for each step."""
        return [_row(step) for step in self.plan.steps]

    @property
    def remarks(self) -> str:
        """What there is to know beside the changes."""
        return str(h.fragment[(render_note_html(found) for found in self._view.notes[:MAX_ROWS])])

    @property
    def confirm(self) -> Mapping[str, str]:
        """What is asked before anything is sent; `type` is what must be typed, if anything."""
        counts, cost = self.plan.counts, self._view.cost
        destroys = any(counts.get(action) for action in _DESTROYING)
        where = visible(self.plan.target.endpoint)
        return {
            "question": f"Send {pluralize(cost.total, 'call')} to {where}: {format_counts(counts)}?",
            "type": visible(self.plan.workspace) if destroys else "",
        }

    @property
    def begun(self) -> bool:
        """Whether any step of it was."""
        return any(mark != " " for mark in self._ends)

    def mark(self, address: Address, word: str) -> None:
        """Note what became of a step."""
        self._ends[self._places[address]] = MARKS[word]

    @property
    def ends(self) -> str:
        """What became of each step, a letter each; a blank for what was not begun."""
        return "".join(self._ends)

    def unfinished(self) -> Collection[Address]:
        """The steps that were not applied."""
        return [step.address for step, mark in zip(self.plan.steps, self._ends, strict=True) if mark != "a"]

    def details(self, place: int) -> str:
        """All that is behind one row."""
        if not 0 <= place < len(self.plan.steps):
            return ""
        return str(render_row_details_html(build_plan_row(self.plan.steps[place], requests=True)))

    def graph(self, around: str) -> str:
        """The graph as a picture; what is not in it is said."""
        if not isinstance(self.plan, DisplayedPlan):
            return ""
        try:
            graph: DisplayedGraph = self.plan.graph.around(around) if around else self.plan.graph
        except ReconcilerError as error:
            return self.error(build_error_view(error))
        return render_svg(graph.picture.readable(), selector=".reconciler")

    def result(self, result: Result) -> str:
        """What became of all of it."""
        return str(render_result_html(build_result_view(result, max_outcomes=0)))

    def error(self, found: ErrorView) -> str:
        """What went wrong."""
        return str(render_error_html(found))


def _cost(view: PlanView) -> str:
    least = f"{pluralize(view.cost.total, 'call')}, at the least {format_duration(view.cost.seconds)} under AWS's quotas"
    return " · ".join(part for part in (least, format_plan_remainder(view)) if part)


def _row(step: Step) -> Sequence[Any]:
    change = step.change
    return [
        change.action,
        change.address.kind,
        visible(str(change.address)),
        _about(change),
        format_origin(change),
    ]


def _about(change: Change) -> str:
    """What differs, in a few words; what comes or goes whole is told when the row unfolds."""
    if not isinstance(change, Update | Replace):
        return ""
    return truncate(", ".join(map(_difference, describe_change(change))), _ABOUT)


def _difference(line: FieldLine) -> str:
    if line.added or line.removed:
        items = [f"+ {item.text}" for item in line.added] + [f"- {item.text}" for item in line.removed]
        return f"{line.path} {' '.join(items)}"
    one, other = (value.text if value else "-" for value in (line.before, line.after))
    return f"{line.path} {one} → {other}"
