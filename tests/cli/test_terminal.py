"""On a terminal, lines are wrapped between words; in a pipe, they stay whole."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from reconciler.cli import terminal
from reconciler.cli.terminal import write_lines
from tests.cli.test_prompt import list_commands

SENTENCE = "one two three four five six"

INVALID = """
[workspace]
name = "greenhouse"

[things.pump-1]
attributes = { site = "a value with spaces, which AWS does not accept in an attribute of a thing" }
certificates = ["pump-8"]
"""


def write_and_read(console: Console, lines) -> str:
    write_lines(console, lines)
    return console.file.getvalue()


def open_test_console(*, is_terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=is_terminal, color_system=None, width=12)


@pytest.mark.parametrize("lines", [SENTENCE, [Text(SENTENCE)]])
def test_a_terminal_gets_lines_wrapped_between_words(lines):
    assert write_and_read(open_test_console(is_terminal=True), lines) == (
        "one two\n  three four\n  five six\n"
    )


def test_a_pipe_gets_whole_lines():
    assert write_and_read(open_test_console(is_terminal=False), [Text(SENTENCE)]) == f"{SENTENCE}\n"


def test_a_pipe_gets_wrapped_lines_if_columns_is_set(monkeypatch):
    monkeypatch.setenv("COLUMNS", "12")
    assert (
        write_and_read(open_test_console(is_terminal=False), [Text(SENTENCE)])
        == "one two\n  three four\n  five six\n"
    )


def test_no_wrapped_line_begins_a_workflow_command(monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert (
        write_and_read(open_test_console(is_terminal=True), "one two ::error::x")
        == "one two\n│   ::error::x\n"
    )


def test_a_prompt_is_wrapped_with_room_for_the_answer(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    from reconciler.cli.prompt import _wrap

    assert _wrap("Release the lock? An apply that is still running stops. Type yes to continue") == [
        "Release the lock? An apply that",
        "is still running stops. Type",
        "yes to continue",
    ]


COMMANDS = [
    ("init", "other-folder"),
    ("validate",),
    ("-f", "invalid.toml", "plan"),
    ("plan", "--calls"),
    ("plan", "--select", "things.none"),
    ("apply", "--yes"),
    ("plan",),
    ("drift",),
    ("history",),
    ("show", "things.pump-1"),
    ("show", "--select", "certificates.*"),
    ("doctor",),
    ("graph",),
    ("export", "--out", "exported.toml"),
    ("permissions", "--out", "policy.json"),
    ("schema", "--out", "schema.json"),
    ("unlock",),
    ("registry", "path"),
    ("registry", "reset", "--yes"),
    ("version",),
    ("no-such-command",),
]


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_no_command_writes_a_line_wider_than_the_terminal_except_for_one_long_word(
    run_in_starter, monkeypatch, columns
):
    monkeypatch.setenv("COLUMNS", str(columns))
    Path("invalid.toml").write_text(INVALID)
    outputs = {words: run_in_starter(*words) for words in COMMANDS}
    too_wide = {
        words: line
        for words, (_, out, err) in outputs.items()
        for line in (out + err).splitlines()
        if cell_len(line) > columns and len(line.split()) > 1
    }
    assert too_wide == {}


def test_the_help_of_every_command_fits_80_columns(run):
    pages = {name: run(*name.split(), "--help")[1] for name, _ in list_commands()}
    too_wide = {
        name: line for name, page in pages.items() for line in page.splitlines() if cell_len(line) > 80
    }
    assert (len(pages) > 20, too_wide) == (True, {})


def test_columns_that_is_not_a_width_is_ignored(monkeypatch):
    for columns in ("", "0", "wide"):
        monkeypatch.setenv("COLUMNS", columns)
        assert terminal.open_console(stderr=False).width == terminal.PIPE_WIDTH
