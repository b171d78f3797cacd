"""`reconciler drift`: where the registry is not as the file says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import exit_codes
from reconciler.cli.commands.plan import FORMATS
from reconciler.cli.options import Options, common, selecting, summarizing

if TYPE_CHECKING:
    from reconciler.cli.terminal import Terminal
    from reconciler.engine.plan.drift import Drift
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
    from reconciler.cli.progress import reading
    from reconciler.cli.terminal import Terminal
    from reconciler.render.markdown import append_markdown, render_drift_markdown
    from reconciler.render.views.drift import build_drift_view
    from reconciler.workspace import Workspace

    options = Options.of(ctx)
    terminal = Terminal.open(color=options.color)
    workspace = Workspace(options.file)
    workspace.desired  # noqa: B018 (the file's mistakes come before anything is read)
    with reading(terminal.err) as progress:
        found = workspace.drift(select=select, exclude=exclude, progress=progress)
    last = workspace.last_run_on_target()
    try:
        _show(found, last, terminal, form)
    finally:  # whoever reads our output may have seen enough before its end; the file is written all the same
        if summary:
            append_markdown(
                summary, lambda limit: render_drift_markdown(build_drift_view(found, last), limit)
            )
    if found:
        ctx.exit(exit_codes.CHANGES)


def _show(found: Drift, last: Run | None, terminal: Terminal, form: str) -> None:
    from reconciler.render.formats import render_page
    from reconciler.render.json.drift_file import render_drift_json, render_drift_jsonl
    from reconciler.render.text.drift import render_drift_text
    from reconciler.render.views.drift import build_drift_view

    if form == "json":
        click.echo(render_drift_json(found, last), nl=False)
    elif form == "jsonl":
        for line in render_drift_jsonl(found, last):
            click.echo(line, nl=False)
    elif form == "text":
        terminal.tell(render_drift_text(build_drift_view(found, last), terminal.out.width))
    else:
        click.echo(render_page(build_drift_view(found, last), form), nl=False)
