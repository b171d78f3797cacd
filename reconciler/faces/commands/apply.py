"""`reconciler apply` and `reconciler destroy`: the plan, a question, and the plan's calls."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from reconciler.faces.commands.options import Options, adopting, allowing, answering, common

if TYPE_CHECKING:
    from reconciler.faces.terminal import Terminal
    from reconciler.faces.workspace import Workspace
    from reconciler.model.outcome import Result
    from reconciler.model.plan import Plan


@click.command()
@common()
@adopting
@allowing
@click.option("--retry-failed", is_flag=True, help="Only what the last run left undone, and what that needs.")
@answering
@click.pass_context
def apply(ctx: click.Context, adopt: Sequence[str], *, retry_failed: bool, yes: bool) -> None:
    """Show the plan, ask, and do it."""
    from reconciler.faces import text_report
    from reconciler.faces.commands import plan as planning
    from reconciler.faces.terminal import Terminal
    from reconciler.faces.view import told
    from reconciler.faces.workspace import Workspace

    options = Options.of(ctx)
    terminal = Terminal.open(color=options.color)
    workspace = Workspace(options.file)
    wanted = workspace.left_undone() if retry_failed else None
    made = planning.make(workspace, terminal, adopt=adopt, allow=options.allow)
    whole = made
    if wanted is not None:
        made = workspace.part(made, wanted)
    planning.show(workspace, made, terminal)
    if left := len(whole.steps) - len(made.steps):
        terminal.tell([text_report.left_out(left)])
    if not made:
        workspace.conclude(whole)
        return
    asked = f"Apply this to {made.target.endpoint}: {told(made.counts)}?"
    if not yes and not agreed(f"{asked} Type yes", "yes"):
        ctx.exit(1)
    run(ctx, workspace, made, terminal)


@click.command()
@common()
@answering
@click.pass_context
def destroy(ctx: click.Context, *, yes: bool) -> None:
    """Remove all that the workspace owns."""
    from reconciler.faces.commands import plan as planning
    from reconciler.faces.terminal import Terminal
    from reconciler.faces.view import plural
    from reconciler.faces.workspace import Workspace

    options = Options.of(ctx)
    terminal = Terminal.open(color=options.color)
    workspace = Workspace(options.file)
    made = planning.make(workspace, terminal, destroy=True)
    planning.show(workspace, made, terminal)
    if not made:
        workspace.conclude(made, "destroy")
        return
    what = f"This deletes {plural(made.counts['delete'], 'resource')} from {made.target.endpoint}."
    asked = f"{what} Type the workspace's name, {made.workspace},"
    if not yes and not agreed(asked, made.workspace):
        ctx.exit(1)
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


def run(
    ctx: click.Context, workspace: Workspace, made: Plan, terminal: Terminal, command: str = "apply"
) -> None:
    """Apply it, watched, and say what came of it; the command ends here with 1 when something did not happen."""
    from rich.text import Text

    from reconciler.faces import text_report
    from reconciler.faces.report import result_view

    terminal.remark("")
    result = watched(workspace, made, terminal, command)
    terminal.tell([Text(), *text_report.result(result_view(result))])
    if not result.ok:
        ctx.exit(1)


def watched(workspace: Workspace, made: Plan, terminal: Terminal, command: str) -> Result:
    """Apply it, and show how it goes; `command` is what the journal calls it."""
    from reconciler.faces import text_report
    from reconciler.faces.progress import calm_interrupt, display

    stop = threading.Event()
    with display(made, terminal.err) as watching, calm_interrupt(stop, watching.stopping):
        result = workspace.apply(made, listen=watching.hear, stop=stop, command=command)
    if result.unrecorded:
        terminal.remark([text_report.unrecorded(result.unrecorded)])
    return result
