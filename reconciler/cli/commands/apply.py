"""`reconciler apply` and `reconciler destroy`: the plan, a question, and the plan's calls."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import exit_codes
from reconciler.cli.options import (
    Options,
    adopting,
    allowing,
    answering,
    common,
    digest,
    selecting,
    summarizing,
)

if TYPE_CHECKING:
    from reconciler.cli.terminal import Terminal
    from reconciler.model.outcome import Result
    from reconciler.model.plan import Plan
    from reconciler.workspace import Workspace


eventing = click.option(
    "--format",
    "form",
    type=click.Choice(("text", "jsonl")),
    default="text",
    help="jsonl writes an event a line to stdout as it happens; else text.",
)


@click.command()
@common()
@adopting
@allowing
@selecting
@click.option("--retry-failed", is_flag=True, help="Only what the last run left undone, and what that needs.")
@click.option(
    "--approved",
    callback=digest,
    metavar="DIGEST",
    help="Go on only if the plan has this digest, and then without a question.",
)
@eventing
@summarizing
@answering
@click.argument("saved", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_context
def apply(  # noqa: PLR0913 (its options)
    ctx: click.Context,
    *,
    saved: Path | None,
    adopt: Sequence[str],
    select: Sequence[str],
    exclude: Sequence[str],
    approved: str | None,
    form: str,
    summary: Path | None,
    retry_failed: bool,
    yes: bool,
) -> None:
    """Show the plan, ask, and do it.

    SAVED is a plan that `reconciler plan --out` wrote: it is applied if planning anew gives the same, without a question.
    """
    from reconciler.cli.commands import plan as planning
    from reconciler.cli.terminal import Terminal
    from reconciler.engine.plan.saved import check_approved_digest
    from reconciler.render.text.result import render_remaining_changes
    from reconciler.render.views.plan import format_counts
    from reconciler.workspace import Workspace

    options = Options.of(ctx)
    if saved and (adopt or select or exclude or retry_failed or options.allow):
        raise click.UsageError(
            "a saved plan was asked for what it is for; give no other option that chooses changes", ctx
        )
    terminal = Terminal.open(color=options.color)
    workspace = Workspace(options.file)
    wanted = workspace.unfinished_addresses() if retry_failed else None
    if saved:
        made = planning.reopen(workspace, saved, terminal)
    else:
        made = planning.make(
            workspace, terminal, adopt=adopt, allow=options.allow, select=select, exclude=exclude
        )
    whole = made
    if wanted is not None:
        made = workspace.partial_plan(made, wanted)
    if approved:
        check_approved_digest(approved, made)
    tell = terminal.tell if form == "text" else terminal.remark
    tell(planning.told(workspace, made, terminal))
    if left := len(whole.steps) - len(made.steps):
        tell([render_remaining_changes(left)])
    if not made:
        workspace.release_stale_lease(whole)
        workspace.record_noop_run(whole)
    asked = f"Apply this to {made.target.endpoint}: {format_counts(made.counts)}?"
    if made and not (yes or saved or approved) and not agreed(f"{asked} Type yes", "yes"):
        ctx.exit(exit_codes.REFUSED)
    run(ctx, workspace, made, terminal, form=form, summary=summary)


@click.command()
@common()
@answering
@click.pass_context
def destroy(ctx: click.Context, *, yes: bool) -> None:
    """Remove all that the workspace owns."""
    from reconciler.cli.commands import plan as planning
    from reconciler.cli.terminal import Terminal
    from reconciler.render.views.plan import pluralize
    from reconciler.workspace import Workspace

    options = Options.of(ctx)
    terminal = Terminal.open(color=options.color)
    workspace = Workspace(options.file)
    made = planning.make(workspace, terminal, destroy=True)
    planning.show(workspace, made, terminal)
    if not made:
        workspace.release_stale_lease(made)
        workspace.record_noop_run(made, "destroy")
        return
    what = f"This deletes {pluralize(made.counts['delete'], 'resource')} from {made.target.endpoint}."
    asked = f"{what} Type the workspace's name, {made.workspace},"
    if not yes and not agreed(asked, made.workspace):
        ctx.exit(exit_codes.REFUSED)
    run(ctx, workspace, made, terminal, "destroy")


def agreed(question: str, answer: str) -> bool:
    """Whether somebody says yes: asked on a terminal only: a pipe's next line is nobody's consent."""
    click.echo("", err=True)
    if not sys.stdin.isatty():
        raise click.ClickException(
            "nothing was sent: there is no terminal to ask on; say --yes to go on without being asked"
        )
    given = click.prompt(f"{question} to go on", default="", show_default=False, err=True)
    if given.strip() == answer:
        return True
    click.echo("nothing was sent", err=True)
    return False


def run(  # noqa: PLR0913 (what is applied, and how it is told)
    ctx: click.Context,
    workspace: Workspace,
    made: Plan,
    terminal: Terminal,
    command: str = "apply",
    *,
    form: str = "text",
    summary: Path | None = None,
) -> None:
    """Apply it, watched, and say what came of it; the command ends here when something did not happen."""
    from rich.text import Text

    from reconciler.render.text.result import render_result_text, render_unfinished_steps
    from reconciler.render.views.result import build_result_view

    if not made:
        _nothing(workspace, made, form, summary)
        return
    terminal.remark("")
    result = watched(workspace, made, terminal, command, form=form)
    view = build_result_view(result)
    if form == "text":
        terminal.tell([Text(), *render_result_text(view)])
    elif not result.ok:
        terminal.remark([*render_unfinished_steps(view)])
    if summary:
        from reconciler.render.markdown import append_markdown, render_result_markdown

        append_markdown(summary, lambda limit: render_result_markdown(view, limit))
    if code := exit_codes.of_result(result):
        ctx.exit(code)


def _nothing(workspace: Workspace, made: Plan, form: str, summary: Path | None) -> None:
    """What has been shown needs no more words; machines and summaries are told all the same."""
    from reconciler.cli.commands.plan import summarize
    from reconciler.model.outcome import Result
    from reconciler.render.json.events import EventWriter

    if form != "text":
        with EventWriter(made, sys.stdout) as events:
            events.end(Result(made, (), 0.0))
    if summary:
        summarize(workspace, made, summary)


def watched(
    workspace: Workspace, made: Plan, terminal: Terminal, command: str, *, form: str = "text"
) -> Result:
    """Apply it, and show how it goes; `command` is what the journal calls it."""
    from reconciler.cli.progress import display
    from reconciler.interrupt import drain_on_interrupt
    from reconciler.render.json.events import EventWriter
    from reconciler.render.text.result import render_journal_warning

    stop = threading.Event()
    watch = display(made, terminal.err) if form == "text" else EventWriter(made, sys.stdout)
    with watch as watching, drain_on_interrupt(stop, watching.on_stop):
        result = workspace.apply(made, on_outcome=watching.on_outcome, stop=stop, command=command)
        if isinstance(watching, EventWriter):
            watching.end(result)
    if result.journal_problem:
        terminal.remark([render_journal_warning(result.journal_problem)])
    return result
