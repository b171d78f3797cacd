"""The panel's plans and results as text and HTML, which a saved notebook shows without the widget."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import htpy as h
from attrs import frozen
from IPython.display import DisplayHandle

from reconciler.model.outcome import Result
from reconciler.model.plan import Plan
from reconciler.notebook.workspace_protocol import NotebookWorkspace
from reconciler.render.html.page import load_stylesheet
from reconciler.render.html.parts import render_workspace_html
from reconciler.render.html.plan import render_plan_html, render_plan_summary_html
from reconciler.render.html.result import render_result_html
from reconciler.render.rich_display import MAX_CHANGES_WITH_REQUESTS, MAX_ROWS, render_text
from reconciler.render.views.plan import PlanView, build_plan_view, remove_requests
from reconciler.render.views.result import ResultView, build_result_view


@frozen
class _PlanWithResult:
    """A plan with the result to show, if any; `text` is the plan without its requests."""

    plan: PlanView
    text: str
    result: ResultView | None = None


class SavedOutput:
    """One cell output that is rewritten with every plan and every result.

    A page that shows the panel hides the output by `output_id`. It is written only if the panel is displayed itself, and not only
    in another widget.
    """

    def __init__(self, workspace: NotebookWorkspace, plan: Plan, output_id: str) -> None:
        self._workspace, self._id = workspace, output_id
        self._handle = DisplayHandle()
        self._is_displayed = False
        self._applied_plans: list[_PlanWithResult] = []
        self._latest_plan: _PlanWithResult | None = self._to_plan_with_result(plan)

    def display(self) -> None:
        """Write into the cell's output for the first time."""
        self._is_displayed = True
        self._handle.display(self._build_bundle(), raw=True)

    def set_plan(self, plan: Plan) -> None:
        """Show a new plan, in place of the latest one if that was not applied."""
        self._latest_plan = self._to_plan_with_result(plan)
        self._update()

    def add_result(self, result: Result) -> None:
        """Add an applied plan with its result."""
        view = build_result_view(result, max_outcomes=MAX_ROWS)
        self._applied_plans.append(self._to_plan_with_result(result.plan, view))
        self._latest_plan = None
        self._update()

    def _update(self) -> None:
        if self._is_displayed:
            self._handle.update(self._build_bundle(), raw=True)

    def _to_plan_with_result(self, plan: Plan, result: ResultView | None = None) -> _PlanWithResult:
        markers = self._workspace.count_unchanged_markers(plan)
        requests = len(plan.steps) <= MAX_CHANGES_WITH_REQUESTS
        view = build_plan_view(plan, requests=requests, unchanged_markers=markers)
        text = render_text(remove_requests(view), max_rows=MAX_ROWS)
        return _PlanWithResult(view, text, result)

    def _iterate_plans(self) -> Iterator[_PlanWithResult]:
        yield from self._applied_plans
        if self._latest_plan:
            yield self._latest_plan

    def _build_bundle(self) -> dict[str, Any]:
        html = h.div(f".reconciler.saved-{self._id}")[
            h.style[load_stylesheet()], (_render_html(plan) for plan in self._iterate_plans())
        ]
        text = "\n\n".join(text for plan in self._iterate_plans() for text in _render_texts(plan))
        return {"text/plain": text, "text/html": str(html)}


def _render_html(item: _PlanWithResult) -> h.Renderable:
    title = h.fragment[
        "Plan for ",
        *render_workspace_html(item.plan.workspace, item.plan.environment),
        " ",
        render_plan_summary_html(item.plan, h.span),
    ]
    return h.fragment[
        h.details(".section")[h.summary[title], render_plan_html(item.plan, max_rows=MAX_ROWS)],
        render_result_html(item.result) if item.result else None,
    ]


def _render_texts(item: _PlanWithResult) -> Iterator[str]:
    yield item.text
    if item.result:
        yield render_text(item.result)
