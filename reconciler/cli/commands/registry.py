"""`reconciler registry`: the embedded registry's database, and the registry as an HTTP endpoint."""

from __future__ import annotations

import click

from reconciler.cli.commands.serve import serve
from reconciler.cli.options import Options, add_common_options, yes_option
from reconciler.cli.terminal import echo


@click.group()
def registry() -> None:
    """Manage the embedded registry."""


registry.add_command(serve)


@registry.command()
@add_common_options()
@click.pass_context
def path(ctx: click.Context) -> None:
    """Print the path of the embedded registry's database."""
    from reconciler.workspace import Workspace

    click.echo(Workspace(Options.from_context(ctx).file).registry_path)


@registry.command()
@add_common_options()
@yes_option
@click.pass_context
def reset(ctx: click.Context, *, yes: bool) -> None:
    """Delete all data in the embedded registry.

    Does not affect AWS.
    """
    from reconciler.cli.prompt import confirm
    from reconciler.workspace import Workspace

    workspace = Workspace(Options.from_context(ctx).file)
    if not workspace.registry_path.exists():
        echo(f"{workspace.registry_path} does not exist; nothing to do", stderr=True)
        return
    confirm(f"Delete {workspace.registry_path}?", yes=yes)
    workspace.reset_registry()
    echo(f"deleted {workspace.registry_path}", stderr=True)
