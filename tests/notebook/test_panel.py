"""The panel as a widget: it shows itself once, and other widgets can contain it."""

from __future__ import annotations

import threading

import ipywidgets
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from reconciler import Workspace
from reconciler import workspace as workspace_module
from reconciler.notebook import extension
from tests.notebook.test_session import FILE, TIMEOUT_SECONDS

pytestmark = pytest.mark.usefixtures("shell")

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    (tmp_path / "desired_state.toml").write_text(FILE)
    monkeypatch.setattr(workspace_module, "can_show_widgets", lambda: True)
    return Workspace(tmp_path / "desired_state.toml")


def run_cell(code: str, **names) -> list[list[str]]:
    """Run a cell, and return the MIME types of each of its outputs."""
    shell = InteractiveShell.instance()
    shell.push(names)
    with capture_output() as captured:
        shell.run_cell(code)
    assert "Panel(" not in captured.stdout
    return [sorted(output.data) for output in captured.outputs]


@pytest.mark.parametrize("code", ["ws.panel()", "panel = ws.panel()\npanel", "display(ws.panel())"])
def test_a_panel_that_a_cell_shows_is_shown_exactly_once(workspace, code):
    static = ["text/html", "text/plain"]
    assert run_cell(code, ws=workspace) == [static, [WIDGET, *static]]


def test_a_panel_is_placed_in_a_row_of_widgets_and_then_shows_nothing_itself(workspace):
    code = "from ipywidgets import HBox, Label\nrow = HBox([ws.panel(), Label('notes')])"
    assert run_cell(code, ws=workspace) == []
    row = InteractiveShell.instance().user_ns["row"]
    assert isinstance(row.children[0], ipywidgets.DOMWidget)
    assert repr(row.children[0]) == "Panel('greenhouse')"


def test_the_first_plan_of_a_notebook_reads_a_file_that_an_earlier_cell_loaded_and_another_edited(workspace):
    workspace.client()
    workspace.path.write_text(FILE + "[things.pump-3]\n")
    assert len(workspace.plan().steps) == 4


def test_the_magic_returns_the_panel_so_that_the_cell_shows_it(workspace):
    assert repr(extension.COMMANDS["panel"](workspace)) == "Panel('greenhouse')"


def test_a_finished_panel_stays_and_its_saved_output_has_the_plan_and_the_result(workspace):
    plan = workspace.plan()
    panel = workspace.panel(plan)
    is_done = threading.Event()
    panel.observe(lambda change: change.new["phase"] == "done" and is_done.set(), "state")
    with capture_output() as captured:
        panel._ipython_display_()
        panel._on_message(panel, {"command": "apply", "digest": plan.digest, "typed": ""}, [])
        assert is_done.wait(TIMEOUT_SECONDS)
    assert "Apply complete" in panel.state["banner"]
    assert "3 applied" in panel.log
    assert len(panel.rows) == 3
    saved = next(
        page for output in reversed(captured.outputs) if "saved-" in (page := output.data["text/html"])
    )
    assert f"saved-{panel.saved_output}" in saved
    assert saved.count('aria-label="Result of applying greenhouse"') == 1
