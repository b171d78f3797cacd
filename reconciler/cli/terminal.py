"""Text on the terminal: the result to stdout, everything else to stderr.

Lines are wrapped between words at the terminal's width, or at COLUMNS. In a pipe without COLUMNS lines stay whole, so that
programs can search them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from typing import IO, TYPE_CHECKING

import click

from reconciler.frozen_classes import frozen

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_LINES_AT_A_TIME = 1000
"""How many lines or pieces are written at once; a large plan has a million."""

PIPE_WIDTH = 100
"""The width that text is laid out for in a pipe, in characters; longer lines stay whole."""


_CONSOLE_VARIABLES = frozenset({"COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE"})
"""The environment variables that let a pipe have a width or colors."""


@frozen(eq=False)
class Terminal:
    """Stdout and stderr, with the user's choice of color.

    `NO_COLOR` and a dumb terminal disable color, too.
    """

    color: bool = True

    @cached_property
    def out(self) -> Console:
        """The console of stdout."""
        return open_console(stderr=False, color=self.color)

    @cached_property
    def err(self) -> Console:
        """The console of stderr."""
        return open_console(stderr=True, color=self.color)

    @property
    def width(self) -> int:
        """The width that the result is laid out for, in characters."""
        return PIPE_WIDTH if _is_plain(sys.stdout) else self.out.width

    @property
    def shows_progress(self) -> bool:
        """Whether stderr may show progress, which is slow to import."""
        return not _is_plain(sys.stderr)

    def print(self, lines: Iterable[Text]) -> None:
        """Print lines of the result to stdout."""
        if _is_plain(sys.stdout):
            _write_plain_lines(sys.stdout, _to_texts(lines))
        else:
            write_lines(self.out, lines)

    def print_notes(self, lines: Iterable[Text] | str) -> None:
        """Print anything other than the result to stderr."""
        if _is_plain(sys.stderr):
            _write_plain_lines(sys.stderr, _to_texts(lines))
        else:
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
        click.echo(text, nl=False, color=True)  # there are no colors, which click would look for in all of it


def write_lines(console: Console, lines: Iterable[Text] | str) -> None:
    """Write lines, many at a time; wrap them on a terminal and where COLUMNS is set."""
    from rich.text import Text

    from reconciler.render.text.wrap import wrap_lines

    texts = _to_texts(lines)
    if not has_width(console):
        _write_plain_lines(console.file, texts)
        return
    texts = wrap_lines(texts, console.width)
    if not console.is_terminal:
        _write_plain_lines(console.file, texts)
        return
    for chunk in _split_into_chunks(texts):
        console.print(Text("\n").join(chunk), soft_wrap=True)
    console.file.flush()


def _is_plain(stream: IO[str]) -> bool:
    """Return whether a stream is a pipe without a width or forced colors.

    It needs no console, which is slow to import.
    """
    return not (stream.isatty() or os.environ.keys() & _CONSOLE_VARIABLES)


def _write_plain_lines(stream: IO[str], lines: Iterable[Text]) -> None:
    """Write lines without styles.

    A pipe shows none, and computing them takes longer than an API call.
    """
    for chunk in _split_into_chunks(lines):
        stream.write("".join(f"{line.plain}\n" for line in chunk))
    stream.flush()


def _to_texts(lines: Iterable[Text] | str) -> Iterable[Text]:
    from rich.text import Text

    return map(Text, lines.split("\n")) if isinstance(lines, str) else lines


def _split_into_chunks(lines: Iterable[Text]) -> Iterator[list[Text]]:
    """Yield many lines at a time; without lines, an empty one."""
    from rich.text import Text

    remaining = map(_escape_workflow_command, lines)
    chunk = [*islice(remaining, _LINES_AT_A_TIME)] or [Text()]
    while chunk:
        yield chunk
        chunk = [*islice(remaining, _LINES_AT_A_TIME)]


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
