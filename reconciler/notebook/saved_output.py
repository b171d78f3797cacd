"""What stays in a notebook of the plans of a panel and of what became of them: text and HTML, no widget."""

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
from reconciler.render.html.plan import render_plan_html, render_plan_summary_html
from reconciler.render.html.result import render_result_html
from reconciler.render.rich_display import MAX_ROWS, render_text
from reconciler.render.views.plan import PlanView, build_plan_view
from reconciler.render.views.result import ResultView, build_result_view


@frozen
class Entry:
    """A plan, and its result once there is one. `text` is the plan in text, without its calls."""

    plan: PlanView
    text: str
    result: ResultView | None = None


class Record:
    """One output, written again with every plan and every result."""

    def __init__(self, workspace: NotebookWorkspace, plan: Plan) -> None:
        self._workspace = workspace
        self._handle = DisplayHandle()
        self._applied: list[Entry] = []
        self._latest: Entry | None = self._entry(plan)

    def open(self) -> None:
        """Into the cell's output."""
        self._handle.display(self._bundle(), raw=True)

    def planned(self, plan: Plan) -> None:
        """There is another plan; one that was never applied is forgotten."""
        self._latest = self._entry(plan)
        self._write()

    def applied(self, plan: Plan, result: Result | None) -> None:
        """A plan was applied; without a result, its result is told elsewhere."""
        told = build_result_view(result, max_outcomes=MAX_ROWS) if result else None
        self._applied.append(self._entry(plan, told))
        self._latest = None
        self._write()

    def _write(self) -> None:
        self._handle.update(self._bundle(), raw=True)

    def _entry(self, plan: Plan, result: ResultView | None = None) -> Entry:
        marks = self._workspace.count_unchanged_markers(plan)
        whole = build_plan_view(plan, requests=True, unchanged_markers=marks, max_rows=MAX_ROWS)
        return Entry(
            whole, render_text(build_plan_view(plan, unchanged_markers=marks, max_rows=MAX_ROWS)), result
        )

    def _entries(self) -> Iterator[Entry]:
        yield from self._applied
        if self._latest:
            yield self._latest

    def _bundle(self) -> dict[str, Any]:
        drawn = h.div(".reconciler")[h.style[load_stylesheet()], (_entry(entry) for entry in self._entries())]
        text = [part for entry in self._entries() for part in (entry.text, _result_text(entry)) if part]
        return {"text/plain": "\n\n".join(text), "text/html": str(drawn)}


def _entry(entry: Entry) -> h.Renderable:
    about = h.fragment[
        "Plan for ", h.strong[entry.plan.workspace], " ", render_plan_summary_html(entry.plan, h.span)
    ]
    return h.fragment[
        h.details(".kind")[h.summary[about], render_plan_html(entry.plan)],
        render_result_html(entry.result) if entry.result else None,
    ]


def _result_text(entry: Entry) -> str:
    return render_text(entry.result) if entry.result else ""
