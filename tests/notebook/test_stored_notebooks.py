"""The notebooks run, twice, and what is stored of them can be read without running anything."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from tests.notebook.store_notebooks import BOOKS, FOLDER, WHO, WIDGET, checkout, kept, run


def stored(name):
    return nbformat.read(FOLDER / name, as_version=4)


@pytest.mark.parametrize("name", BOOKS)
def test_every_notebook_runs_from_a_clean_registry_and_once_more_on_what_it_left(name, tmp_path):
    folder = checkout(tmp_path / "books")
    first = run(folder, name)
    second = run(folder, name)
    assert shapes(kept(first)) == shapes(kept(second)) == shapes(stored(name))


def test_a_panel_is_a_widget_and_beside_it_what_any_front_end_can_show(tmp_path):
    folder = checkout(tmp_path / "books")
    panel = next(cell for cell in run(folder, "quickstart.ipynb").cells if cell.source == "ws.panel(plan)")
    static = ["text/html", "text/plain"]
    assert [sorted(output.data) for output in panel.outputs] == [static, [WIDGET, *static]]


def shapes(book):
    """What kinds of things each cell shows: values differ from run to run, ids and times above all."""
    return [
        [sorted(output.get("data", {"text": ""})) for output in cell.get("outputs", ())]
        for cell in book.cells
    ]


@pytest.mark.parametrize("name", BOOKS)
def test_what_is_stored_needs_no_kernel_and_tells_nothing_of_the_machine(name):
    book = stored(name)
    assert sorted(book.metadata) == ["kernelspec", "language_info"]
    text = (FOLDER / name).read_text(encoding="utf-8")
    told = (str(Path.home()), str(FOLDER.parent), WHO, "/tmp/", "widget-view")
    assert [word for word in told if word in text] == []


@pytest.mark.parametrize("name", BOOKS)
def test_every_cell_of_code_has_run_in_order_and_none_shows_an_error(name):
    cells = [cell for cell in stored(name).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert {output.output_type for cell in cells for output in cell.outputs} <= {
        "display_data",
        "execute_result",
    }


def test_the_quickstart_is_five_cells():
    assert sum(cell.cell_type == "code" for cell in stored("quickstart.ipynb").cells) == 5


def test_no_notebook_holds_a_setup_code():
    codes = [path.read_text(encoding="utf-8").strip() for path in (FOLDER / "setup_codes").iterdir()]
    texts = [(FOLDER / name).read_text(encoding="utf-8") for name in BOOKS]
    assert codes
    assert [code for code in codes if any(code in re.sub(r"\\n", "", text) for text in texts)] == []
