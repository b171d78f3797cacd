"""The one prompt: every command that asks before it acts calls `confirm`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from reconciler.cli import exit_codes
from reconciler.cli.terminal import echo, has_width, open_console

_ANSWER_WIDTH = 8
"""Characters kept free after the question, where the user types the answer."""


def confirm(question: str, *, yes: bool, expected: str = "yes") -> None:
    """Ask, and return only if the user types `expected`; `yes` skips the prompt.

    Declining exits with REJECTED. If stdin is not a terminal, raises ClickException: the next line of a pipe is not consent.
    """
    if yes:
        return
    if not _has_terminal():
        raise click.ClickException("cannot prompt: stdin is not a terminal; pass --yes to skip confirmation")
    *first_lines, last_line = _wrap(f"{question} Type {expected} to continue")
    echo("\n".join(["", *first_lines]), stderr=True)
    try:
        answer = click.prompt(last_line, default="", show_default=False, err=True)
    except click.Abort:  # Ctrl-C or Ctrl-D
        echo("", stderr=True)
        answer = ""
    if answer.strip() != expected:
        echo("canceled: nothing was changed", stderr=True)
        raise click.exceptions.Exit(exit_codes.REJECTED)


def _wrap(text: str) -> Sequence[str]:
    """Return text in lines that fit the terminal and leave room for the answer after the text."""
    from rich.text import Text

    from reconciler.render.text.wrap import wrap_lines

    console = open_console(stderr=True)
    if not has_width(console):
        return [text]
    return [line.plain.strip() for line in wrap_lines([Text(text)], console.width - _ANSWER_WIDTH)]


def _has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
