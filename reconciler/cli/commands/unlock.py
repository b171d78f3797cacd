"""`reconciler unlock`: release a lock whose apply no longer runs."""

from __future__ import annotations

import click

from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import Options, add_common_options, yes_option
from reconciler.cli.terminal import echo


@click.command()
@add_common_options()
@add_environment_options
@yes_option
@click.pass_context
def unlock(ctx: click.Context, *, yes: bool) -> None:
    """Release the lock left behind by an interrupted apply."""
    from reconciler.cli.prompt import confirm
    from reconciler.model.text import escape_invisible, format_time

    workspace = Options.from_context(ctx).open_workspace()
    name = workspace.desired.settings.name
    lease = workspace.lease_holder()
    if lease is None:
        echo(f"{name} is not locked; nothing to do")
        return
    since, until = format_time(lease.since), format_time(lease.until)
    echo(
        f"{name} is locked by {escape_invisible(str(lease))} since {since}; the lock expires at {until} unless renewed"
    )
    confirm("Release the lock? An apply that is still running stops before its next write.", yes=yes)
    workspace.unlock()
    echo("the lock is released")
