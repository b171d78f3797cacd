"""`reconciler doctor`: what is in order, what is not, and what to do about it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Options, common

if TYPE_CHECKING:
    from rich.text import Text

    from reconciler.model.check_result import CheckResult


@click.command()
@common()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Say who we are, where, with which permissions, and what is not in order."""
    from reconciler.cli.terminal import Terminal
    from reconciler.doctor import examine
    from reconciler.workspace import Workspace

    options = Options.of(ctx)
    terminal = Terminal.open(color=options.color)
    broken = False
    for finding in examine(Workspace(options.file), os.environ):
        terminal.tell(_lines(finding))
        broken |= finding.level == "error"
    if broken:
        ctx.exit(1)


_SHOWN = {
    "ok": ("✔", "ok", "applied"),
    "warning": ("!", "warning", "warning"),
    "error": ("✖", "error", "error"),
    "unknown": ("?", "unknown", "warning"),
}
"""A sign, a word and a tone for each level."""

_WORD, _ABOUT = 8, 12


def _lines(finding: CheckResult) -> Iterator[Text]:
    from rich.text import Text

    from reconciler.model.text import visible
    from reconciler.render.text.plan import COLORS

    sign, word, tone = _SHOWN[finding.level]
    yield Text.assemble(
        (f"{sign} {word:<{_WORD}}", COLORS[tone]),
        (f"{finding.subject:<{_ABOUT}}", "bold"),
        visible(finding.message),
    )
    if finding.advice:
        yield Text(f"{'':<{2 + _WORD + _ABOUT}}next: {visible(finding.advice)}", "dim")
