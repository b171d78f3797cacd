"""`reconciler registry`: the embedded registry's own file, and the registry as an endpoint."""

from __future__ import annotations

import sys

import click

from reconciler.cli.commands.serve import serve
from reconciler.cli.options import Options, answering, common


@click.group()
def registry() -> None:
    """Where the embedded registry is, how to begin anew, and serving it to other clients."""


registry.add_command(serve)


@registry.command()
@common()
@click.pass_context
def path(ctx: click.Context) -> None:
    """Say where the embedded registry keeps its database."""
    from reconciler.workspace import Workspace

    click.echo(Workspace(Options.of(ctx).file).registry_path)


@registry.command()
@common()
@answering
@click.pass_context
def reset(ctx: click.Context, *, yes: bool) -> None:
    """Forget everything that the embedded registry holds. AWS is never touched by this."""
    from reconciler.workspace import Workspace

    workspace = Workspace(Options.of(ctx).file)
    if not workspace.registry_path.exists():
        click.echo(f"{workspace.registry_path} does not exist; nothing to do", err=True)
        return
    if not yes:
        if not sys.stdin.isatty():
            raise click.ClickException(
                "there is no terminal to ask on; say --yes to go on without being asked"
            )
        click.confirm(f"Delete {workspace.registry_path}?", abort=True, err=True)
    workspace.reset_registry()
    click.echo(f"{workspace.registry_path} is gone", err=True)
