"""`reconciler history`: what was applied from here, by whom, and what became of it."""

from __future__ import annotations

import json as json_format

import click

from reconciler.cli.options import Options, common


def _ids(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from reconciler.model.errors import ReconcilerError
    from reconciler.workspace import Workspace

    try:
        known = [run.id for run in Workspace(Options.of(ctx).file).history(limit=None)]
    except ReconcilerError:
        return []
    return [run_id for run_id in known if run_id.startswith(incomplete)]


@click.command()
@common()
@click.argument("run", required=False, shell_complete=_ids)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="COUNT",
    help="How many runs to list.",
)
@click.option("--json", is_flag=True, help="As JSON.")
@click.pass_context
def history(ctx: click.Context, run: str | None, *, limit: int, json: bool) -> None:
    """List past runs, or tell one of them call by call.

    RUN is the id of a run, or the start or the end of one.
    """
    from reconciler.cli.terminal import Terminal
    from reconciler.render.json.history_file import history_to_json
    from reconciler.render.text.history import render_history_text, render_run_text
    from reconciler.render.views.history import build_run_rows, build_run_view
    from reconciler.workspace import Workspace

    options = Options.of(ctx)
    workspace, terminal = Workspace(options.file), Terminal.open(color=options.color)
    if run is None:
        found = workspace.history(limit)
        lines, said = render_history_text(build_run_rows(found)), history_to_json(found)
    else:
        record = workspace.run(run)
        lines, said = render_run_text(build_run_view(record)), history_to_json(record)
    if json:
        click.echo(json_format.dumps(said, indent=2))
    else:
        terminal.tell(lines)
