"""`reconciler unlock`: break the lease of an apply that is no more."""

from __future__ import annotations

import click

from reconciler.cli.options import Options, answering, common


@click.command()
@common()
@answering
@click.pass_context
def unlock(ctx: click.Context, *, yes: bool) -> None:
    """Break the lease of an apply that is no more."""
    from reconciler.cli.commands.apply import agreed
    from reconciler.model.text import visible
    from reconciler.workspace import Workspace

    workspace = Workspace(Options.of(ctx).file)
    name = workspace.desired.settings.name
    held = workspace.lease_holder()
    if held is None:
        click.echo(f"nobody has the lease of {name}")
        return
    told = visible(f"{held} has the lease of {name} since {held.since:%Y-%m-%d %H:%M:%S} UTC")
    click.echo(f"{told}; it ends at {held.until:%H:%M:%S} UTC unless it is renewed")
    asked = "An apply that still runs stops before its next write. Type yes"
    if not yes and not agreed(asked, "yes"):
        ctx.exit(1)
    workspace.unlock()
    click.echo("the lease is broken")
