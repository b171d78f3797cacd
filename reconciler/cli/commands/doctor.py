"""`reconciler doctor`: check everything that an apply needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from reconciler.cli import exit_codes
from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import Options, add_common_options

if TYPE_CHECKING:
    from rich.text import Text

    from reconciler.model.check_result import CheckResult

_LEVELS = {
    "ok": ("✔", "ok", "applied"),
    "warning": ("!", "warning", "warning"),
    "error": ("✖", "error", "error"),
    "unknown": ("?", "unknown", "warning"),
}
"""Level of a check → its sign, its word, and the name of its color in `COLORS`."""

_SIGN_WIDTH = 2
"""The sign and a space."""

_LEVEL_WIDTH, _SUBJECT_WIDTH = 8, 12


@click.command()
@add_common_options()
@add_environment_options
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Check versions, credentials, permissions, target and lock."""
    from reconciler.cli.terminal import Terminal
    from reconciler.doctor import examine

    options = Options.from_context(ctx)
    terminal = Terminal(color=options.color)
    has_error = False
    for check in examine(options.open_workspace(), os.environ):
        terminal.print(_render_lines(check))
        has_error |= check.level == "error"
    if has_error:
        ctx.exit(exit_codes.ERROR)


def _render_lines(check: CheckResult) -> Iterator[Text]:
    from rich.text import Text

    from reconciler.model.text import escape_invisible
    from reconciler.render.text.colors import COLORS

    sign, word, color = _LEVELS[check.level]
    yield Text.assemble(
        (f"{sign} {word:<{_LEVEL_WIDTH}}", COLORS[color]),
        (f"{check.subject:<{_SUBJECT_WIDTH}}", "bold"),
        escape_invisible(check.message),
    )
    if check.advice:
        indent = " " * (_SIGN_WIDTH + _LEVEL_WIDTH + _SUBJECT_WIDTH)
        yield Text(f"{indent}next: {escape_invisible(check.advice)}", "dim")
