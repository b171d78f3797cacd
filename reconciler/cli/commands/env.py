"""`reconciler env`: the environments of the file, with their settings and variables."""

from __future__ import annotations

import click

from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import Options, add_common_options


@click.group()
def env() -> None:
    """Show the environments of the file."""


@env.command("list")
@add_common_options()
@add_environment_options
@click.option(
    "--format",
    "output_format",
    type=click.Choice(("text", "json")),
    default="text",
    help="Output format (default: text).",
)
@click.pass_context
def list_(ctx: click.Context, output_format: str) -> None:
    """List environments, their values, and the source of each.

    Nothing is sent to AWS.
    """
    from reconciler.cli.terminal import Terminal
    from reconciler.render.json.environments_file import render_environments_json
    from reconciler.render.text.environments import render_environments_text
    from reconciler.render.views.environments import build_environment_views

    options = Options.from_context(ctx)
    environments = options.list_environments()
    if output_format == "json":
        for piece in render_environments_json(environments):
            click.echo(piece, nl=False)
    else:
        views = build_environment_views(environments)
        Terminal(color=options.color).print(render_environments_text(views))
