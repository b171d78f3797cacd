"""`reconciler plan`: what would be sent, and nothing sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from reconciler.faces.commands.options import CHANGES, Options, adopting, allowing, common

if TYPE_CHECKING:
    from reconciler.faces.terminal import Terminal
    from reconciler.faces.workspace import Workspace
    from reconciler.model.plan import Plan


@click.command()
@common()
@adopting
@allowing
@click.option("--destroy", is_flag=True, help="Plan the removal of all that the workspace owns.")
@click.option("--calls", is_flag=True, help="List the API calls of every step with their parameters.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
@click.pass_context
def plan(
    ctx: click.Context,
    adopt: Sequence[str],
    *,
    destroy: bool,
    calls: bool,
    detailed_exitcode: bool,
) -> None:
    """Show what would be done, and send nothing."""
    from reconciler.faces.terminal import Terminal
    from reconciler.faces.workspace import Workspace

    options = Options.of(ctx)
    terminal = Terminal.open(color=options.color)
    workspace = Workspace(options.file)
    made = make(workspace, terminal, adopt=adopt, destroy=destroy, allow=options.allow)
    show(workspace, made, terminal, calls=calls)
    if detailed_exitcode and made:
        ctx.exit(CHANGES)


def make(  # noqa: PLR0913 (each is one thing that a plan depends on)
    workspace: Workspace,
    terminal: Terminal,
    *,
    adopt: Sequence[str] = (),
    destroy: bool = False,
    wave: float = 100.0,
    allow: Mapping[str, str] = MappingProxyType({}),
) -> Plan:
    """Read the registry and plan; on a terminal it is seen to be at work. A run before it that crashed is told of."""
    from reconciler.faces import text_report
    from reconciler.faces.progress import reading

    workspace.desired  # noqa: B018 (the file's mistakes come before anything is read)
    if crashed := workspace.crashed_run():
        terminal.remark([text_report.crashed(crashed)])
    with reading(terminal.err) as progress:
        return workspace.plan(destroy=destroy, adopt=adopt, wave=wave, allow=allow, progress=progress)


def show(workspace: Workspace, made: Plan, terminal: Terminal, *, calls: bool = False) -> None:
    """The plan as the result of the command."""
    from reconciler.faces import text
    from reconciler.faces.view import plan_view

    view = plan_view(made, requests=calls, unchanged_marks=workspace.marks(made))
    terminal.tell(text.plan(view, terminal.out.width))
