"""The panel of a workspace: a widget that draws a session, and a saved output that needs no widget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from reconciler.model.outcome import Result
from reconciler.model.plan import Plan
from reconciler.model.text import quote
from reconciler.notebook.panel_widget import PanelWidget, load_scripts, load_styles
from reconciler.notebook.saved_output import render_plan_part
from reconciler.notebook.session import PanelSession
from reconciler.notebook.workspace_protocol import NotebookWorkspace


class Panel(PanelWidget):
    """The widget that draws one workspace's plan, and applies it."""

    _esm = load_scripts("elements.js", "table.js", "graph.js", "panel.js")
    _css = load_styles()

    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    groups: traitlets.List[Any] = traitlets.List().tag(sync=True)
    unfolded: traitlets.List[Any] = traitlets.List().tag(sync=True)
    statuses = traitlets.Unicode().tag(sync=True)
    graph = traitlets.Unicode().tag(sync=True)
    graph_progress = traitlets.Dict().tag(sync=True)
    log = traitlets.Unicode().tag(sync=True)

    _session: PanelSession

    own_traits = frozenset({"rows", "groups", "unfolded", "statuses", "graph", "graph_progress", "log"})
    alternative = "workspace.apply(plan)"

    def __init__(self, workspace: NotebookWorkspace, plan: Plan) -> None:
        super().__init__(plan.digest, render_plan_part(workspace, plan))
        self._workspace = workspace
        self._workspace_name = plan.workspace
        self._session = PanelSession(workspace, plan, self)
        self._start()

    def __repr__(self) -> str:
        return f"Panel({quote(self._workspace_name)})"

    def _on_message(self, widget: Any, content: Mapping[str, Any], buffers: Any) -> None:
        """Handle the messages that only this panel has, too."""
        session = self._session
        match content:
            case {"command": "expand", "group": int(group_number)}:
                session.expand_group(group_number)
            case {"command": "graph", "around": str(around)}:
                session.show_graph(around)
            case {"command": "csv", "rows": list(row_numbers)}:
                session.export_csv([number for number in row_numbers if isinstance(number, int)])
            case _:
                super()._on_message(widget, content, buffers)

    # ── called by the session ───────────────────────────────────────────────────────────────────

    def on_plan(self, plan: Plan) -> None:
        """Show the new plan in the saved output."""
        self._output.set_plan(render_plan_part(self._workspace, plan))

    def on_result(self, result: Result) -> None:
        """Show the result in the saved output."""
        self._output.add_result(render_plan_part(self._workspace, result.plan, result))
