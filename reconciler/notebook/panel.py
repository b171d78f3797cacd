"""The panel: a widget that draws a session, and a saved output that needs no widget."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import anywidget
import htpy as h
import traitlets
from IPython.display import DisplayHandle

from reconciler.model.outcome import Result
from reconciler.model.plan import Plan
from reconciler.model.text import quote
from reconciler.notebook.kernel_interrupt import set_interrupt_handler
from reconciler.notebook.saved_output import SavedOutput
from reconciler.notebook.session import PanelSession
from reconciler.notebook.workspace_protocol import NotebookWorkspace
from reconciler.render.html.page import load_stylesheet

_PAGE = files(__package__) / "page"
_SCRIPTS = ("elements.js", "table.js", "graph.js", "panel.js")
_OWN_TRAITS = frozenset({"rows", "groups", "unfolded", "statuses", "graph", "graph_progress", "log"})
"""The parts of the state that are traits of their own, so that a change of one does not send the others."""
_NO_WIDGETS = "The panel requires a front end that supports widgets; use `workspace.apply(plan)` instead."


class Panel(anywidget.AnyWidget):
    """The widget: as the last value of a cell it shows itself, and other widgets may contain it.

    It shows what is in its traits, so that a reloaded page shows the same; only the details of expanded rows are messages.
    """

    _esm = "\n".join((_PAGE / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    _css = f"{load_stylesheet()}\n{(_PAGE / 'panel.css').read_text(encoding='utf-8')}"

    saved_output = traitlets.Unicode().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    groups: traitlets.List[Any] = traitlets.List().tag(sync=True)
    unfolded: traitlets.List[Any] = traitlets.List().tag(sync=True)
    statuses = traitlets.Unicode().tag(sync=True)
    graph = traitlets.Unicode().tag(sync=True)
    graph_progress = traitlets.Dict().tag(sync=True)
    log = traitlets.Unicode().tag(sync=True)

    def __init__(self, workspace: NotebookWorkspace, plan: Plan) -> None:
        super().__init__(saved_output=plan.digest[:12])
        self._workspace_name = plan.workspace
        self._saved_output = SavedOutput(workspace, plan, self.saved_output)
        self._session = PanelSession(workspace, plan, self)
        self._session.start()
        self.on_msg(self._on_message)

    def __repr__(self) -> str:
        return f"Panel({quote(self._workspace_name)})"

    def _ipython_display_(self) -> None:
        """Write the saved output and the widget into the cell's output; IPython calls this.

        The page hides the saved output where it shows the widget.
        """
        self._saved_output.display()
        widget = {"model_id": self.model_id, "version_major": 2, "version_minor": 0}
        DisplayHandle().display(
            {
                "application/vnd.jupyter.widget-view+json": widget,
                "text/plain": _NO_WIDGETS,
                "text/html": str(h.p[_NO_WIDGETS]),
            },
            raw=True,
        )

    def _on_message(self, _widget: Any, content: Mapping[str, Any], _buffers: Any) -> None:
        """Pass a message, which may arrive on any thread, to the session, whose methods return at once."""
        session = self._session
        match content:
            case {"command": "plan"}:
                session.plan()
            case {"command": "apply", "digest": str(digest), "typed": str(typed)}:
                session.apply(digest, typed)
            case {"command": "stop"}:
                session.stop()
            case {"command": "retry"}:
                session.retry()
            case {"command": "expand", "row": int(row_number)}:
                session.expand(row_number)
            case {"command": "expand", "group": int(group_number)}:
                session.expand_group(group_number)
            case {"command": "graph", "around": str(around)}:
                session.show_graph(around)
            case {"command": "csv", "rows": list(row_numbers)}:
                session.export_csv([number for number in row_numbers if isinstance(number, int)])

    # ── called by the session ───────────────────────────────────────────────────────────────────

    def show_state(self, changes: Mapping[str, Any]) -> None:
        """Update the traits that changed; during an apply, let an interrupt of the kernel stop it."""
        if "phase" in changes:
            set_interrupt_handler(self._session.stop if changes["phase"] == "applying" else None)
        remaining = dict(changes)
        with self.hold_sync():
            for name in remaining.keys() & _OWN_TRAITS:
                self.set_trait(name, remaining.pop(name))
            if remaining:
                self.state = {**self.state, **remaining}

    def send_message(self, message: Mapping[str, Any]) -> None:
        """Send the page the details of the row that the user expanded."""
        self.send(dict(message))

    def on_plan(self, plan: Plan) -> None:
        """Show the new plan in the saved output."""
        self._saved_output.set_plan(plan)

    def on_result(self, result: Result) -> None:
        """Show the result in the saved output."""
        self._saved_output.add_result(result)
