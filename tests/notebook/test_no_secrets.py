"""A setup code and a private key are in no output, no widget, no journal."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from reconciler import Workspace
from reconciler.notebook.session import Session
from tests.notebook.test_session import PATIENCE, Page, digest

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
    "ws.client('iot-managed-integrations').get_managed_thing(Identifier='nobody')",
)


@pytest.fixture
def canaries(fleet):
    """What must be told to nobody: the setup code, and each line of every key."""
    found = {line for path in Path("pki").glob("*.key") for line in path.read_text().splitlines()[1:-1]}
    return found | {path.read_text().strip() for path in Path("pki").glob("*.setup-code")}


def told(canaries, text: str) -> list[str]:
    return sorted(canary for canary in canaries if canary in text)


def test_no_notebook_and_no_journal_tells_a_secret(canaries):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    client = NotebookClient(
        book,
        timeout=PATIENCE * 3,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": "."}},
    )
    client.execute()
    assert book.metadata["widgets"], "the panel's own state is looked at, too"
    assert len(canaries) > 3
    assert told(canaries, nbformat.writes(book)) == []
    kept = b"".join(path.read_bytes() for path in Path(".reconciler").glob("journal*"))
    assert kept
    assert told(canaries, kept.decode("utf-8", "replace")) == []


def test_no_panel_tells_a_secret(canaries):
    workspace, page = Workspace(), Page()
    session = Session(workspace, workspace.plan(), page, every=0.001)
    session.start()
    for row in range(len(page.phase("planned").state["rows"])):
        session.expand(row)
    session.graph()
    session.apply(digest(page))
    page.phase("done")
    session.close()
    assert session.wait(PATIENCE)
    assert len(page.answers) == len(page.state["rows"])
    assert told(canaries, f"{page.state}{page.answers}{page.results}") == []
