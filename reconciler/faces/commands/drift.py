"""`reconciler drift`: where the registry is not as the file says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.faces.commands import exits
from reconciler.faces.commands.options import Options, common, selecting, summarizing
from reconciler.faces.commands.plan import FORMATS

if TYPE_CHECKING:
    from reconciler.engine.drift import Drift
    from reconciler.faces.terminal import Terminal
    from reconciler.model.run import Run


@click.command()
@common()
@selecting
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", help="How it is shown; else text."
)
@summarizing
@click.pass_context
def drift(
    ctx: click.Context, *, select: Sequence[str], exclude: Sequence[str], form: str, summary: Path | None
) -> None:
    """Say what differs between file and registry, and write nothing. Exits with 2 when something does."""
    from reconciler.faces import markdown
    from reconciler.faces.drift import drift_view
    from reconciler.faces.progress import reading
    from reconciler.faces.terminal import Terminal
    from reconciler.faces.workspace import Workspace

    options = Options.of(ctx)
    terminal = Terminal.open(color=options.color)
    workspace = Workspace(options.file)
    workspace.desired  # noqa: B018 (the file's mistakes come before anything is read)
    with reading(terminal.err) as progress:
        found = workspace.drift(select=select, exclude=exclude, progress=progress)
    last = workspace.last_apply()
    try:
        _show(found, last, terminal, form)
    finally:  # whoever reads our output may have seen enough before its end; the file is written all the same
        if summary:
            markdown.append(summary, lambda limit: markdown.drift(drift_view(found, last), limit))
    if found:
        ctx.exit(exits.CHANGES)


def _show(found: Drift, last: Run | None, terminal: Terminal, form: str) -> None:
    from reconciler.faces import text_drift
    from reconciler.faces.drift import drift_view
    from reconciler.faces.formats import drift_file, render

    if form == "json":
        click.echo(drift_file.document(found, last), nl=False)
    elif form == "jsonl":
        for line in drift_file.drift_lines(found, last):
            click.echo(line, nl=False)
    elif form == "text":
        terminal.tell(text_drift.drift(drift_view(found, last), terminal.out.width))
    else:
        click.echo(render.pictured(drift_view(found, last), form), nl=False)
