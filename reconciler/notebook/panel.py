"""The panel: a session drawn by one widget, and beside it what stays in the notebook when the widget is gone."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import anywidget
import htpy as h
import traitlets
from IPython.display import DisplayHandle

from reconciler.model.outcome import Result
from reconciler.model.plan import Plan
from reconciler.notebook.kernel_interrupt import set_interrupt_handler
from reconciler.notebook.saved_output import Record
from reconciler.notebook.session import Session
from reconciler.notebook.workspace_protocol import NotebookWorkspace
from reconciler.render.html.page import load_stylesheet, render_html_fragment
from reconciler.render.rich_display import MAX_ROWS, render_text
from reconciler.render.views.result import build_result_view

_FOLDER = Path(__file__).parent
_NO_WIDGETS = "The panel needs a front end with widgets; `ws.apply(plan)` applies the plan from a cell."


class Panel(anywidget.AnyWidget):
    """The widget. Everything that it shows is in its traits, so a page that is loaded again misses nothing."""

    _esm = _FOLDER / "panel.js"
    _css = f"{load_stylesheet()}\n{(files(__package__) / 'panel.css').read_text(encoding='utf-8')}"

    state = traitlets.Dict().tag(sync=True)
    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    ends = traitlets.Unicode().tag(sync=True)
    graph = traitlets.Unicode().tag(sync=True)
    lines = traitlets.Unicode().tag(sync=True)

    def __init__(self, workspace: NotebookWorkspace, plan: Plan) -> None:
        super().__init__()
        self._frame = DisplayHandle()
        self._record = Record(workspace, plan)
        self._session = Session(workspace, plan, self)
        self._session.start()
        self.on_msg(self._asked)

    def present(self) -> None:
        """Into the cell's output: first what stays, then the widget."""
        self._record.open()
        widget = {"model_id": self.model_id, "version_major": 2, "version_minor": 0}
        self._frame.display(
            {
                "application/vnd.jupyter.widget-view+json": widget,
                "text/plain": _NO_WIDGETS,
                "text/html": str(h.p[_NO_WIDGETS]),
            },
            raw=True,
        )

    def _asked(self, _widget: Any, content: Mapping[str, Any], _buffers: Any) -> None:
        """A button was pressed, or something unfolded; whichever thread this is, it only leaves a note."""
        session = self._session
        match content:
            case {"do": "plan"}:
                session.plan()
            case {"do": "apply", "digest": str(digest), "typed": str(typed)}:
                session.apply(digest, typed)
            case {"do": "stop"}:
                session.stop()
            case {"do": "retry"}:
                session.retry()
            case {"do": "expand", "row": int(row)}:
                session.expand(row)
            case {"do": "graph", "around": str(around)}:
                session.graph(around)

    # ── what the session's pump asks for ────────────────────────────────────────────────────────

    def show(self, state: Mapping[str, Any]) -> None:
        """These parts of the state changed."""
        if "phase" in state:
            set_interrupt_handler(self._session.stop if state["phase"] == "applying" else None)
        state = dict(state)
        with self.hold_sync():
            for name in ("rows", "ends", "graph", "lines"):
                if name in state:
                    self.set_trait(name, state.pop(name))
            if state:
                self.state = {**self.state, **state}

    def answer(self, message: Mapping[str, Any]) -> None:
        """What a reader of the page asked for."""
        self.send(dict(message))

    def planned(self, plan: Plan) -> None:
        """There is another plan."""
        self._record.planned(plan)

    def finished(self, result: Result) -> None:
        """The record has it; where nothing is left to do, its result takes the widget's place: the notebook tells it by itself."""
        if not result.ok:
            self._record.applied(result.plan, result)
            return
        self._record.applied(result.plan, None)
        view = build_result_view(result, max_outcomes=MAX_ROWS)
        self._frame.update(
            {"text/plain": render_text(view), "text/html": render_html_fragment(view)}, raw=True
        )
