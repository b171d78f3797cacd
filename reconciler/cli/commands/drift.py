"""`reconciler drift`: where the registry differs from the file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import exit_codes
from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import (
    Options,
    add_common_options,
    add_selection_options,
    format_option,
    full_option,
    read_option,
    summary_option,
)
from reconciler.cli.rollout_options import all_environments_option, scheduler_option
from reconciler.cli.step_summary import append_summary

if TYPE_CHECKING:
    from reconciler.cli.terminal import Terminal
    from reconciler.engine.plan.drift import Drift
    from reconciler.model.run import Run


@click.command()
@add_common_options()
@add_environment_options
@all_environments_option
@scheduler_option
@add_selection_options
@read_option
@full_option
@click.option(
    "--who",
    is_flag=True,
    help="Look up in CloudTrail who changed the resources that differ, when and from where.",
)
@format_option
@summary_option
@click.pass_context
def drift(  # noqa: PLR0913 (its options)
    ctx: click.Context,
    *,
    select: Sequence[str],
    exclude: Sequence[str],
    full: bool,
    who: bool,
    output_format: str,
    summary: Path | None,
) -> None:
    """Show where the registry differs from the file.

    Changes nothing. Exits with code 2 if there is drift.
    """
    from reconciler.cli.progress import show_reading
    from reconciler.cli.terminal import Terminal
    from reconciler.render.markdown import render_drift_markdown
    from reconciler.render.views.drift import build_drift_view

    options = Options.from_context(ctx)
    if options.is_rollout:
        from reconciler.cli.rollouts import RolloutOutput, RolloutSelection, find_rollout_drift

        selection = RolloutSelection(select, exclude, who=who)
        output = RolloutOutput(output_format, full, summary)
        find_rollout_drift(ctx, selection, output)
        return
    terminal = Terminal(color=options.color)
    workspace = options.open_workspace()
    workspace.desired  # noqa: B018 (loads the file, so that its diagnostics precede any request)
    with show_reading(terminal.err) as progress:
        result = workspace.drift(
            select=select, exclude=exclude, read=options.read, who=who, progress=progress
        )
    last_run = workspace.last_run_on_target()
    try:
        _print_drift(result, last_run, terminal, output_format, full=full)
    finally:  # the summary is written even if the reader of our output closed the pipe
        if summary:
            append_summary(
                summary, lambda limit: render_drift_markdown(build_drift_view(result, last_run), limit)
            )
    if result:
        ctx.exit(exit_codes.CHANGES)


def _print_drift(
    result: Drift, last_run: Run | None, terminal: Terminal, output_format: str, *, full: bool
) -> None:
    from reconciler.cli.terminal import write_pieces
    from reconciler.render.formats import render_page
    from reconciler.render.json.drift_file import render_drift_json, render_drift_jsonl
    from reconciler.render.text.drift import render_drift_text
    from reconciler.render.views.drift import build_drift_view

    if output_format == "json":
        write_pieces(render_drift_json(result, last_run))
    elif output_format == "jsonl":
        write_pieces(render_drift_jsonl(result, last_run))
    elif output_format == "text":
        view = build_drift_view(result, last_run)
        terminal.print(render_drift_text(view, terminal.width, full=full))
    else:
        write_pieces(render_page(build_drift_view(result, last_run), output_format, full=full))
