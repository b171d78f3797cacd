"""`reconciler plan`: what an apply would send."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import exit_codes
from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import (
    Options,
    OutputFilePath,
    add_common_options,
    add_limit_options,
    add_selection_options,
    adopt_option,
    allow_cascade_option,
    format_option,
    full_option,
    read_option,
    summary_option,
)
from reconciler.cli.rollout_options import all_environments_option, reject_single_options, scheduler_option
from reconciler.cli.terminal import echo

if TYPE_CHECKING:
    from reconciler.model.plan import Plan
    from reconciler.workspace import Workspace


@click.command()
@add_common_options()
@add_environment_options
@all_environments_option
@scheduler_option
@adopt_option
@add_limit_options
@allow_cascade_option
@add_selection_options
@click.option("--destroy", is_flag=True, help="Plan the deletion of everything that the workspace owns.")
@click.option(
    "--calls",
    is_flag=True,
    help="List the API calls of every step, with their parameters in full; includes --full.",
)
@read_option
@full_option
@format_option
@click.option(
    "-o",
    "--out",
    type=OutputFilePath(),
    metavar="FILE",
    help="Save the plan; `reconciler apply FILE` applies it.",
)
@summary_option
@click.option("--detailed-exitcode", is_flag=True, help="Exit with code 2 if there are changes.")
@click.pass_context
def plan(  # noqa: PLR0913 (its options)
    ctx: click.Context,
    adopt: Sequence[str],
    select: Sequence[str],
    exclude: Sequence[str],
    *,
    destroy: bool,
    calls: bool,
    full: bool,
    output_format: str,
    out: Path | None,
    summary: Path | None,
    detailed_exitcode: bool,
) -> None:
    """Show what an apply would change.

    With several environments, selected by --all-envs, several --env or a glob, alike plans are shown once.
    """
    from reconciler.cli.planning import build_plan, print_plan
    from reconciler.cli.terminal import Terminal

    options = Options.from_context(ctx)
    if options.is_rollout:
        from reconciler.cli.rollouts import RolloutOutput, RolloutSelection, plan_rollout

        unsupported = {
            "--adopt": (
                adopt,
                "select it with --env NAME, and import resources in one environment after the other",
            ),
            "--calls": (calls, "select it with --env NAME, or use --format json, which has the calls of all"),
            "--out": (
                out,
                "for several, pass the digest that their plan shows to `reconciler apply --approved`",
            ),
        }
        reject_single_options(ctx, unsupported)
        selection = RolloutSelection(select, exclude, destroy)
        output = RolloutOutput(output_format, full, summary)
        plan_rollout(ctx, selection, output, detailed_exitcode=detailed_exitcode)
        return
    terminal = Terminal(color=options.color)
    workspace = options.open_workspace()
    new_plan = build_plan(
        workspace,
        terminal,
        adopt=adopt,
        destroy=destroy,
        allow=options.allow,
        allow_cascade=options.allow_cascade,
        select=select,
        exclude=exclude,
        read=options.read,
    )
    try:
        print_plan(workspace, new_plan, terminal, calls=calls, full=full, output_format=output_format)
    finally:  # the files are written even if the reader of our output closed the pipe
        _write_files(workspace, new_plan, out, summary)
    if detailed_exitcode and new_plan:
        ctx.exit(exit_codes.CHANGES)


def _write_files(workspace: Workspace, plan: Plan, out: Path | None, summary: Path | None) -> None:
    from reconciler.cli.planning import append_plan_summary

    if out:
        workspace.save(plan, out)
        command = f"reconciler apply {shlex.quote(str(out))}"
        echo(f"wrote {out}; `{command}` applies exactly this plan", stderr=True)
    if summary:
        append_plan_summary(workspace, plan, summary)
