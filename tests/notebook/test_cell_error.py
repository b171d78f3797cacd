"""An error in a cell has the text of the command line, with excerpts and advice, as text and as HTML."""

from __future__ import annotations

import re

import nbformat
import pytest
from nbconvert import HTMLExporter

from reconciler import Workspace
from reconciler.model.errors import AwsError, LockedError, PlanRejectedError, ReconcilerError, SelectionError
from reconciler.render.text.error import render_error_text
from reconciler.render.views.error import build_error_view
from tests.support.html_reader import HtmlReader

_COLOR = re.compile("\x1b\\[[0-9;]*m")


def read_cell_error(error: ReconcilerError) -> list[str]:
    """Return the lines that IPython shows, without colors."""
    return [_COLOR.sub("", line) for line in error._render_traceback_()]


@pytest.fixture
def file_error(tmp_path):
    """The error of a file with a misspelled key, in a folder that is not the working directory."""
    path = tmp_path / "desired_state.toml"
    path.write_text('[workspace]\nname = "g"\n[things.pump-1]\natributes = { site = "secret" }\n')
    with pytest.raises(ReconcilerError) as caught:
        Workspace(path).plan()
    return caught.value


def test_an_error_in_a_cell_shows_the_excerpt_and_the_nearest_key_as_the_command_does(
    file_error, run, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    lines = read_cell_error(file_error)
    assert lines[:4] == [
        "error: desired_state.toml:4  things.pump-1.atributes",
        "    4 | atributes = …",
        "      | ^^^^^^^^^",
        "    unknown key",
    ]
    assert "secret" not in "\n".join(lines)
    assert "\n".join(lines) == run("validate")[2].rstrip("\n")


@pytest.mark.parametrize(
    "error",
    [
        PlanRejectedError(["things.pump-1: already exists", "things.pump-2: \x1b[31m<b>\u202e"]),
        LockedError("ada@laptop", "12:00", "12:15"),
        SelectionError(["'thingz.*' matches nothing"]),
        AwsError(
            service="iot",
            operation="CreateThing",
            code="ThrottlingException",
            message="slow down",
            request_id="r-1",
        ),
        ReconcilerError("first line\nsecond line"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_error_in_a_cell_has_the_lines_of_the_command_line(error):
    text = " ".join(line.plain for line in render_error_text(build_error_view(error)))
    assert " ".join(read_cell_error(error)).split() == text.split()


def test_nbconvert_shows_the_excerpt_and_the_advice_of_an_error_as_html(file_error):
    output = nbformat.v4.new_output(
        "error",
        ename=type(file_error).__name__,
        evalue=str(file_error),
        traceback=file_error._render_traceback_(),
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("plan", outputs=[output])])
    page, _ = HTMLExporter().from_notebook_node(notebook)
    text = " ".join(HtmlReader(page).lines)
    assert "4 | atributes = …" in text
    assert "did you mean  attributes?" in text
    assert "\x1b" not in page
