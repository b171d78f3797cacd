"""The panel of a rollout: a widget that draws a session, and a saved output that needs no widget."""

from __future__ import annotations

from typing import Any

import htpy as h
import traitlets

from reconciler.model.text import quote
from reconciler.notebook.panel_widget import PanelWidget, load_scripts, load_styles
from reconciler.notebook.rollout_protocol import NotebookRollout, NotebookRolloutPlan, NotebookRolloutResult
from reconciler.notebook.rollout_session import RolloutSession
from reconciler.notebook.saved_output import SavedPart
from reconciler.render.html.rollout import render_rollout_html
from reconciler.render.rich_display import MAX_ROWS, render_text
from reconciler.render.views.rollout import summarize_rollout


class RolloutPanel(PanelWidget):
    """The widget that draws the plans of many environments, and applies them."""

    _esm = load_scripts("elements.js", "rollout.js")
    _css = load_styles()

    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    statuses: traitlets.List[Any] = traitlets.List().tag(sync=True)
    plans = traitlets.Unicode().tag(sync=True)

    own_traits = frozenset({"rows", "statuses", "plans"})
    alternative = "rollout.apply(plan)"

    def __init__(self, rollout: NotebookRollout, plan: NotebookRolloutPlan) -> None:
        super().__init__(plan.digest, _render_part(plan))
        self._file = rollout.file
        self._session = RolloutSession(rollout, plan, self)
        self._start()

    def __repr__(self) -> str:
        return f"RolloutPanel({quote(self._file)})"

    # ── called by the session ───────────────────────────────────────────────────────────────────

    def on_plan(self, plan: NotebookRolloutPlan) -> None:
        """Show the new plans in the saved output."""
        self._output.set_plan(_render_part(plan))

    def on_result(self, plan: NotebookRolloutPlan, result: NotebookRolloutResult) -> None:
        """Show the result in the saved output."""
        self._output.add_result(_render_part(plan, result))


def _render_part(plan: NotebookRolloutPlan, result: NotebookRolloutResult | None = None) -> SavedPart:
    """Return the plans, which are folded, and their result."""
    title = h.fragment[
        "Plan for ", h.strong[plan.view.file], " ", h.span(".quiet")[summarize_rollout(plan.view)]
    ]
    folded_plan = h.details(".section")[h.summary[title], render_rollout_html(plan.view, max_rows=MAX_ROWS)]
    if result is None:
        return SavedPart(folded_plan, render_text(plan.view))
    html = h.fragment[folded_plan, render_rollout_html(result.view)]
    return SavedPart(html, f"{render_text(plan.view)}\n\n{render_text(result.view)}")
