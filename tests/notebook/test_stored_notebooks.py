"""The notebooks can be run twice, and their stored outputs can be read without a kernel."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

import nbformat
import pytest

from tests.notebook.store_notebooks import (
    FOLDER,
    NOTEBOOKS,
    USER,
    WIDGET,
    copy_notebooks,
    run_notebook,
    strip_notebook,
)

SLOW_NOTEBOOKS = frozenset({"rollout.ipynb"})
"""Notebooks that run a second time in `make stress` only; they delete their registry when they start."""


def read_stored(name):
    return nbformat.read(FOLDER / name, as_version=4)


@pytest.fixture(scope="module")
def run_twice(tmp_path_factory):
    """A cached function that runs a notebook on an empty registry and again on the result."""

    @cache
    def run(name):
        folder = copy_notebooks(tmp_path_factory.mktemp("run_twice") / "books")
        first_run = run_notebook(folder, name)
        is_run_once = name in SLOW_NOTEBOOKS and "STRESS_EXAMPLES" not in os.environ
        return first_run, first_run if is_run_once else run_notebook(folder, name)

    return run


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in NOTEBOOKS]
)
def test_every_notebook_runs_on_an_empty_registry_and_again_on_the_result(name, run_twice):
    first_run, second_run = run_twice(name)
    stored = read_stored(name)
    assert (
        list_output_types(strip_notebook(first_run))
        == list_output_types(strip_notebook(second_run))
        == list_output_types(stored)
    )


@pytest.mark.xdist_group("quickstart.ipynb")
def test_a_panel_is_a_widget_and_a_static_output_for_any_front_end(run_twice):
    first_run, _ = run_twice("quickstart.ipynb")
    panel = next(cell for cell in first_run.cells if cell.source == "ws.panel(plan)")
    static = ["text/html", "text/plain"]
    assert [sorted(output.data) for output in panel.outputs] == [static, [WIDGET, *static]]


def list_output_types(notebook):
    """Return the MIME types of each cell's outputs, or "text" for a stream.

    The contents of the outputs are left out, as they differ from run to run.
    """
    return [
        [sorted(output.get("data", {"text": ""})) for output in cell.get("outputs", ())]
        for cell in notebook.cells
    ]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_stored_outputs_require_no_kernel_and_do_not_reveal_the_machine(name):
    notebook = read_stored(name)
    assert sorted(notebook.metadata) == ["kernelspec", "language_info"]
    text = (FOLDER / name).read_text(encoding="utf-8")
    forbidden_texts = (str(Path.home()), str(FOLDER.parent), USER, "/tmp/", "widget-view")
    assert [forbidden for forbidden in forbidden_texts if forbidden in text] == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_code_cell_ran_in_order_without_an_error(name):
    cells = [cell for cell in read_stored(name).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert {output.output_type for cell in cells for output in cell.outputs} <= {
        "display_data",
        "execute_result",
    }


def test_the_quickstart_has_five_code_cells_as_the_readme_states():
    assert sum(cell.cell_type == "code" for cell in read_stored("quickstart.ipynb").cells) == 5


def test_no_notebook_contains_a_setup_code():
    codes = [path.read_text(encoding="utf-8").strip() for path in (FOLDER / "setup_codes").iterdir()]
    texts = [json.dumps(read_stored(name)) for name in NOTEBOOKS]
    # An output may break a code into two lines.
    joined_texts = [text.replace(r"\n", "") for text in texts]
    assert codes
    assert [code for code in codes if any(code in text for text in joined_texts)] == []
