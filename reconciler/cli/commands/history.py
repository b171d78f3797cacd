"""`reconciler history`: past runs of this folder, who started them, and their outcomes."""

from __future__ import annotations

import json as json_format
from contextlib import suppress
from typing import TYPE_CHECKING

import click
from attrs import evolve

from reconciler.cli import exit_codes
from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import IntegerRange, Options, add_common_options
from reconciler.cli.rollout_options import all_environments_option

if TYPE_CHECKING:
    from reconciler.model.run import History
    from reconciler.workspace import Workspace


def _complete_run_ids(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from reconciler.model.errors import ReconcilerError

    try:
        run_ids = [run.id for run in Options.from_context(ctx).open_workspace().history(limit=None)]
    except ReconcilerError:
        return []
    return [run_id for run_id in run_ids if run_id.startswith(incomplete)]


@click.command()
@add_common_options()
@add_environment_options
@all_environments_option
@click.argument("run", required=False, shell_complete=_complete_run_ids)
@click.option(
    "--limit",
    type=IntegerRange(min=1),
    default=20,
    metavar="COUNT",
    help="Maximum number of runs to list (default: 20).",
)
@click.option("--json", is_flag=True, help="Output JSON.")
@click.pass_context
def history(ctx: click.Context, run: str | None, *, limit: int, json: bool) -> None:
    """List past runs, or show one run call by call.

    RUN is a run's ID, or the first or last characters of one. If the journal is damaged, the runs that can still be read are listed, and the
    exit code is 1.

    With --env, the runs of this environment are listed, otherwise those of all environments.
    With several environments, selected by --all-envs, several --env or a glob, the runs of each are listed, up to --limit.

    The file digest is the start of a SHA-256 over the desired state's files, without secrets. Runs with the same digest
    applied the same files.
    """
    from reconciler.cli.terminal import Terminal
    from reconciler.render.json.history_file import history_to_json
    from reconciler.render.text.history import render_history_text, render_run_text
    from reconciler.render.views.history import build_history_view, build_run_view

    options = Options.from_context(ctx)
    if options.is_rollout:
        if run:
            raise click.UsageError(
                f"the run {run!r} is of one environment; leave out --all-envs and --env", ctx
            )
        _list_runs_of_environments(ctx, limit, json=json)
        return
    workspace, terminal = options.open_workspace(), Terminal(color=options.color)
    if run is None:
        runs = _list_runs(workspace, options, limit)
        lines = render_history_text(build_history_view(runs), terminal.width)
        json_values = history_to_json(runs)
    else:
        record = workspace.run(run)
        lines = render_run_text(build_run_view(record))
        json_values = history_to_json(record)
    if json:
        click.echo(json_format.dumps(json_values, indent=2))
    else:
        terminal.print(lines)
    if run is None and runs.problem:
        ctx.exit(exit_codes.ERROR)


def _list_runs(workspace: Workspace, options: Options, limit: int) -> History:
    """Return the latest runs: those of the environment that `--env` names, or else those of all of them."""
    from reconciler.model.errors import InvalidDesiredStateError

    if not options.environments:
        return workspace.history(limit)
    with suppress(InvalidDesiredStateError):  # the runs can be read without a valid file
        options.list_environments()
    (name,) = options.environments
    history = workspace.history(limit=None)
    runs = [run for run in history.runs if run.environment == name]
    return evolve(history, runs=tuple(runs[:limit]))


def _list_runs_of_environments(ctx: click.Context, limit: int, *, json: bool) -> None:
    """Print the runs of several environments, grouped by environment."""
    from reconciler.cli.rollouts import open_rollout
    from reconciler.cli.terminal import Terminal
    from reconciler.render.json.history_file import history_to_json
    from reconciler.render.text.history import render_rollout_history_text
    from reconciler.rollout.view import build_rollout_history_view

    options = Options.from_context(ctx)
    history = open_rollout(options).history(limit)
    if json:
        click.echo(json_format.dumps(history_to_json(history), indent=2))
    else:
        terminal = Terminal(color=options.color)
        view = build_rollout_history_view(history)
        terminal.print(render_rollout_history_text(view, terminal.width))
    if history.problem:
        ctx.exit(exit_codes.ERROR)
