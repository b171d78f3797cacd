"""Where text goes: the result to stdout, the rest to stderr, both plain wherever nobody is looking."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_AT_A_TIME = 1000
"""Lines that are written at a time: a large plan has a million."""

PIPE_WIDTH = 100
"""How wide lines are where there is no terminal to ask; what does not fit is never cut off, it runs on."""


@frozen
class Terminal:
    """Both streams. Made once a command, by what the user said about colour."""

    out: Console
    err: Console

    @classmethod
    def open(cls, *, color: bool = True) -> Terminal:
        """On the process's own streams; `NO_COLOR` and a dumb terminal are honoured."""
        return cls(console(stderr=False, color=color), console(stderr=True, color=color))

    def tell(self, lines: Iterable[Text]) -> None:
        """The result."""
        write(self.out, lines)

    def remark(self, lines: Iterable[Text] | str) -> None:
        """Anything else."""
        write(self.err, lines)


def console(*, stderr: bool, color: bool = True) -> Console:
    """A console that never guesses at what our words mean: no markup, no emoji, no highlighting."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _told_width()
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


def write(console: Console, lines: Iterable[Text] | str) -> None:
    """Lines that were laid out for the console's width; what is longer runs on unbroken. Many are written at a time."""
    from rich.text import Text

    left = iter([Text(lines)] if isinstance(lines, str) else map(_inert, lines))
    found = [*islice(left, _AT_A_TIME)] or [Text()]
    while found:
        # In a pipe nobody sees a style, and working them out takes longer than a call.
        if not console.is_terminal:
            console.file.write("".join(f"{line.plain}\n" for line in found))
        else:
            console.print(Text("\n").join(found), soft_wrap=True)
        found = [*islice(left, _AT_A_TIME)]
    console.file.flush()


def _told_width() -> int:
    told = os.environ.get("COLUMNS", "")
    return int(told) if told.isdigit() and int(told) else PIPE_WIDTH


def _inert(line: Text) -> Text:
    """A line that no runner of GitHub's takes for a command of ours: those begin a line, or are in `##[` and `]` anywhere.

    Source: actions/runner, `ActionCommand.cs`.
    """
    from rich.text import Text

    if os.environ.get("GITHUB_ACTIONS") != "true":
        return line
    if "##[" in line.plain:
        line = Text(line.plain.replace("##[", r"#\x23["))
    return Text.assemble("│ ", line) if line.plain.lstrip().startswith("::") else line
