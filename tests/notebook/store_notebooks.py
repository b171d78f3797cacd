"""Run the notebooks and store them with their outputs: `python -m tests.notebook.store_notebooks`."""

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

from reconciler.engine.ownership.process import identify_this_process
from tests.docs.checkout import ROOT

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))
TIMEOUT_SECONDS = 120
USER = str(identify_this_process(os.environ))
"""The user and host that run the notebooks, as in the journal; stored outputs have `ada@laptop` instead."""
WIDGET = "application/vnd.jupyter.widget-view+json"


def copy_notebooks(folder: Path) -> Path:
    """Copy the notebooks and the desired state to a new folder, without the files of earlier runs.

    Returns the folder with the notebooks.
    """
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "desired_state.toml", folder)
    shutil.copytree(
        FOLDER,
        folder / "notebooks",
        ignore=shutil.ignore_patterns("*.sqlite3*", "rotation", "drifting", "rolling_out", "__pycache__"),
    )
    return folder / "notebooks"


def run_notebook(folder: Path, name: str) -> NotebookNode:
    """Run a notebook from top to bottom, and return it with its outputs; raise if a cell raises."""
    notebook = nbformat.read(folder / name, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT_SECONDS,
        kernel_name="python3",
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    return client.execute()


def strip_notebook(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a notebook without `USER`, cell metadata, widgets and progress."""
    stripped = nbformat.from_dict(json.loads(json.dumps(notebook).replace(USER, "ada@laptop")))
    stripped.metadata = {
        "kernelspec": stripped.metadata["kernelspec"],
        "language_info": {"name": "python"},
    }
    for cell in stripped.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_transient(output)]
    return stripped


def _is_transient(output: Any) -> bool:
    """Return whether an output is a widget or progress.

    Another output of the cell shows the plan or the result.
    """
    data = output.get("data", {})
    page = str(data.get("text/html", ""))
    return (
        WIDGET in data
        or 'role="status"' in page
        or 'aria-label="Applying ' in page
        or 'aria-label="Planning ' in page
        or 'aria-label="Checking ' in page
        or "read the registry in" in page
    )


def main() -> None:
    """Run and store all notebooks."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = copy_notebooks(Path(scratch) / "books")
        for name in NOTEBOOKS:
            nbformat.write(strip_notebook(run_notebook(folder, name)), FOLDER / name)
            sys.stdout.write(f"wrote notebooks/{name}\n")


if __name__ == "__main__":
    main()
