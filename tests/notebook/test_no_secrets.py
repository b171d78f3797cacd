"""Setup codes and private keys appear in no output, no widget and no journal."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from reconciler import Workspace
from reconciler.notebook.session import PanelSession
from tests.notebook.test_session import TIMEOUT_SECONDS, Page, read_shown_digest

CELLS = (
    "import reconciler\n%load_ext reconciler\nws = reconciler.Workspace()\nplan = ws.plan()\nplan",
    "print(plan, repr(plan), plan.steps)",
    "plan.graph",
    "ws.panel(plan)",
    "ws.apply(plan)",
    "ws.show('managed_things.pump-1')",
    "%reconcile drift",
    "ws.history()",
    "ws.last_run()",
    "print(ws.desired)",
    "ws.client('iot-managed-integrations').get_managed_thing(Identifier='unknown')",
)


@pytest.fixture
def canaries(run_in_starter):
    """Return the secrets of the starter files: each line of every private key, and the setup codes."""
    key_lines = {line for path in Path("pki").glob("*.key") for line in path.read_text().splitlines()[1:-1]}
    return key_lines | {path.read_text().strip() for path in Path("pki").glob("*.setup-code")}


def find_canaries(text: str, canaries) -> list[str]:
    return sorted(canary for canary in canaries if canary in text)


def test_no_notebook_and_no_journal_contains_a_secret(canaries):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT_SECONDS * 3,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": "."}},
    )
    client.execute()
    assert notebook.metadata["widgets"], (
        "the notebook lacks the panel's state, which must also be searched for secrets"
    )
    assert len(canaries) > 3
    assert find_canaries(nbformat.writes(notebook), canaries) == []
    journal = b"".join(path.read_bytes() for path in Path(".reconciler").glob("journal*"))
    assert journal
    assert find_canaries(journal.decode("utf-8", "replace"), canaries) == []


def test_no_panel_contains_a_secret(canaries):
    workspace, page = Workspace(), Page()
    session = PanelSession(workspace, workspace.plan(), page, update_seconds=0.001)
    session.start()
    for row in range(len(page.wait_for_phase("planned").state["rows"])):
        session.expand(row)
    session.show_graph()
    session.apply(read_shown_digest(page))
    page.wait_for_phase("done")
    session.close()
    assert session.wait(TIMEOUT_SECONDS)
    assert len(page.messages) == len(page.state["rows"]), "not every row has sent its details"
    assert find_canaries(f"{page.state}{page.messages}{page.results}", canaries) == []
