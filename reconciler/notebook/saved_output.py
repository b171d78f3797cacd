"""The panel's plans and results as text and HTML, which a saved notebook shows without the widget."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import htpy as h
from IPython.display import DisplayHandle
from markupsafe import Markup

from reconciler.frozen_classes import field, frozen
from reconciler.model.outcome import Result
from reconciler.model.plan import Plan
from reconciler.notebook.workspace_protocol import NotebookWorkspace
from reconciler.render.html.page import load_stylesheet
from reconciler.render.html.parts import render_workspace_html
from reconciler.render.html.plan import render_plan_html, render_plan_summary_html
from reconciler.render.html.result import render_result_html
from reconciler.render.rich_display import MAX_CHANGES_WITH_REQUESTS, MAX_ROWS, render_text
from reconciler.render.views.plan import build_plan_view, remove_requests
from reconciler.render.views.result import build_result_view


def _render_once(html: h.Renderable) -> Markup:
    """Return the rendered HTML, because the generators in a renderable can be rendered only once."""
    return Markup(str(html))  # noqa: S704 (rendered and escaped by htpy)


@frozen
class SavedPart:
    """A plan, and its result if it was applied, as HTML and as text."""

    html: Markup = field(converter=_render_once)
    text: str


class SavedOutput:
    """One cell output that is rewritten with every plan and every result.

    A page that shows the panel hides the output by `output_id`. It is written only if the panel is displayed itself, and not only
    in another widget.
    """

    def __init__(self, output_id: str, plan: SavedPart) -> None:
        self._id = output_id
        self._handle = DisplayHandle()
        self._is_displayed = False
        self._applied_plans: list[SavedPart] = []
        self._latest_plan: SavedPart | None = plan

    def display(self) -> None:
        """Write into the cell's output for the first time."""
        self._is_displayed = True
        self._handle.display(self._build_bundle(), raw=True)

    def set_plan(self, plan: SavedPart) -> None:
        """Show a new plan, in place of the latest one if that was not applied."""
        self._latest_plan = plan
        self._update()

    def add_result(self, plan: SavedPart) -> None:
        """Add an applied plan with its result."""
        self._applied_plans.append(plan)
        self._latest_plan = None
        self._update()

    def _update(self) -> None:
        if self._is_displayed:
            self._handle.update(self._build_bundle(), raw=True)

    def _iterate_parts(self) -> Iterator[SavedPart]:
        yield from self._applied_plans
        if self._latest_plan:
            yield self._latest_plan

    def _build_bundle(self) -> dict[str, Any]:
        html = h.div(f".reconciler.saved-{self._id}")[
            h.style[load_stylesheet()], (part.html for part in self._iterate_parts())
        ]
        return {
            "text/plain": "\n\n".join(part.text for part in self._iterate_parts()),
            "text/html": str(html),
        }


def render_plan_part(workspace: NotebookWorkspace, plan: Plan, result: Result | None = None) -> SavedPart:
    """Return a workspace's plan, which is folded, and its result; the text has no requests."""
    markers = workspace.count_unchanged_markers(plan)
    requests = len(plan.steps) <= MAX_CHANGES_WITH_REQUESTS
    view = build_plan_view(plan, requests=requests, unchanged_markers=markers)
    text = render_text(remove_requests(view), max_rows=MAX_ROWS)
    title = h.fragment[
        "Plan for ",
        *render_workspace_html(view.workspace, view.environment),
        " ",
        render_plan_summary_html(view, h.span),
    ]
    folded_plan = h.details(".section")[h.summary[title], render_plan_html(view, max_rows=MAX_ROWS)]
    if result is None:
        return SavedPart(folded_plan, text)
    result_view = build_result_view(result, max_outcomes=MAX_ROWS)
    html = h.fragment[folded_plan, render_result_html(result_view)]
    return SavedPart(html, f"{text}\n\n{render_text(result_view)}")
