"""`python -m tests.notebook.store_notebooks`: the notebooks run again, and stored with what a reader needs to see."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from reconciler.engine.ownership.process import this_process
from tests.docs.readme_runner import ROOT

FOLDER = ROOT / "notebooks"
BOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))
PATIENCE = 120
WHO = str(this_process(os.environ))
"""Who runs them, as the journal has it: nobody else's business."""
WIDGET = "application/vnd.jupyter.widget-view+json"


def checkout(folder: Path) -> Path:
    """The notebooks and the file beside them, in a folder where nothing has been run yet."""
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "desired_state.toml", folder)
    shutil.copytree(
        FOLDER,
        folder / "notebooks",
        ignore=shutil.ignore_patterns("*.sqlite3*", "rotation", "drifting", "__pycache__"),
    )
    return folder / "notebooks"


def run(folder: Path, name: str) -> NotebookNode:
    """Run it from top to bottom; an error in a cell is raised."""
    book = nbformat.read(folder / name, as_version=4)
    client = NotebookClient(
        book,
        timeout=PATIENCE,
        kernel_name="python3",
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    return client.execute()


def kept(book: NotebookNode) -> NotebookNode:
    """Without what only a running kernel can show, and without what differs from run to run and says nothing."""
    book = nbformat.from_dict(json.loads(json.dumps(book).replace(WHO, "ada@laptop")))
    book.metadata = {name: book.metadata[name] for name in ("kernelspec",)} | {
        "language_info": {"name": "python"}
    }
    for cell in book.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _passing(output)]
    return book


def _passing(output: Any) -> bool:
    """A widget, or progress that has passed: what it led to stands below it."""
    data = output.get("data", {})
    page = str(data.get("text/html", ""))
    return (
        WIDGET in data
        or 'role="status"' in page
        or 'aria-label="Applying ' in page
        or "read the registry in" in page
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = checkout(Path(scratch) / "books")
        for name in BOOKS:
            nbformat.write(kept(run(folder, name)), FOLDER / name)
            sys.stdout.write(f"wrote notebooks/{name}\n")


if __name__ == "__main__":
    main()
