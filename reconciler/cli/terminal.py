"""Text on the terminal: the result to stdout, everything else to stderr.

Lines are wrapped between words at the terminal's width, or at COLUMNS. In a pipe without COLUMNS lines stay whole, so that
programs can search them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

import click

from reconciler.frozen_classes import frozen

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_LINES_AT_A_TIME = 1000
"""How many lines or pieces are written at once; a large plan has a million."""

PIPE_WIDTH = 100
"""The width that text is laid out for in a pipe, in characters; longer lines stay whole."""


@frozen
class Terminal:
    """Stdout and stderr, opened once per command with the user's choice of color."""

    out: Console
    err: Console

    @classmethod
    def open(cls, *, color: bool = True) -> Terminal:
        """Open the process's own streams; `NO_COLOR` and a dumb terminal disable color, too."""
        return cls(open_console(stderr=False, color=color), open_console(stderr=True, color=color))

    def print(self, lines: Iterable[Text]) -> None:
        """Print lines of the result to stdout."""
        write_lines(self.out, lines)

    def print_notes(self, lines: Iterable[Text] | str) -> None:
        """Print anything other than the result to stderr."""
        write_lines(self.err, lines)


def open_console(*, stderr: bool, color: bool = True) -> Console:
    """Return a console that prints text as it is: no markup, no emoji, no highlighting."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _read_columns_from_environment() or PIPE_WIDTH
    return Console(
        stderr=stderr,
        no_color=True if not color else None,
        width=width,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=True,
        legacy_windows=False,
    )


def echo(message: str, *, stderr: bool = False) -> None:
    """Write a message, of one line or several, wrapped like all text."""
    write_lines(open_console(stderr=stderr), message)


def write_pieces(pieces: Iterable[str]) -> None:
    """Write a long text for programs to stdout, many pieces at a time."""
    remaining = filter(None, pieces)
    while text := "".join(islice(remaining, _LINES_AT_A_TIME)):
        click.echo(text, nl=False)


def write_lines(console: Console, lines: Iterable[Text] | str) -> None:
    """Write lines, many at a time; wrap them on a terminal and where COLUMNS is set."""
    from rich.text import Text

    from reconciler.render.text.wrap import wrap_lines

    texts = map(Text, lines.split("\n")) if isinstance(lines, str) else iter(lines)
    if has_width(console):
        texts = wrap_lines(texts, console.width)
    remaining = map(_escape_workflow_command, texts)
    chunk = [*islice(remaining, _LINES_AT_A_TIME)] or [Text()]  # without lines, an empty line is written
    while chunk:
        # A pipe shows no styles, and computing them takes longer than an API call.
        if not console.is_terminal:
            console.file.write("".join(f"{line.plain}\n" for line in chunk))
        else:
            console.print(Text("\n").join(chunk), soft_wrap=True)
        chunk = [*islice(remaining, _LINES_AT_A_TIME)]
    console.file.flush()


def has_width(console: Console) -> bool:
    """Return whether the reader's lines have a known width: on a terminal, or where COLUMNS is set."""
    return console.is_terminal or _read_columns_from_environment() is not None


def _read_columns_from_environment() -> int | None:
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdigit() and int(columns) else None


def _escape_workflow_command(line: Text) -> Text:
    """Return a line that a GitHub runner does not execute.

    Commands begin a line, or stand anywhere between `##[` and `]`. Source: actions/runner, `ActionCommand.cs`.
    """
    from rich.text import Text

    if os.environ.get("GITHUB_ACTIONS") != "true":
        return line
    if "##[" in line.plain:
        line = Text(line.plain.replace("##[", r"#\x23["))
    return Text.assemble("│ ", line) if line.plain.lstrip().startswith("::") else line
