"""The one prompt: every command that asks before it acts calls `confirm`."""

from __future__ import annotations

import sys

import click

from reconciler.cli import exit_codes


def confirm(question: str, *, yes: bool, expected: str = "yes") -> None:
    """Ask, and return only if the user types `expected`; `yes` skips the prompt.

    Declining exits with REJECTED. Without a terminal nothing is asked, because the next line of a pipe is not consent:
    raises ClickException.
    """
    if yes:
        return
    if not _has_terminal():
        raise click.ClickException("cannot prompt: stdin is not a terminal; pass --yes to skip confirmation")
    click.echo("", err=True)
    answer = click.prompt(f"{question} Type {expected} to continue", default="", show_default=False, err=True)
    if answer.strip() != expected:
        click.echo("canceled: nothing was changed", err=True)
        raise click.exceptions.Exit(exit_codes.REJECTED)


def _has_terminal() -> bool:
    return sys.stdin.isatty()
