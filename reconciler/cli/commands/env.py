"""`reconciler env`: the environments of the file, with their settings and variables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import Options, add_common_options

if TYPE_CHECKING:
    from rich.text import Text

    from reconciler.model.settings import Environment


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
    """List the environments, their values, and the source of each.

    Nothing is sent to AWS.
    """
    from reconciler.cli.terminal import Terminal

    options = Options.from_context(ctx)
    environments = options.list_environments()
    if output_format == "json":
        click.echo(json.dumps([_to_json(environment) for environment in environments], indent=2))
        return
    Terminal.open(color=options.color).print(_render(environments))


def _to_json(environment: Environment) -> dict[str, Any]:
    import attrs

    settings = attrs.asdict(environment.settings)
    return {
        "name": environment.name,
        "default": environment.is_default,
        "after": list(environment.after),
        "settings": {
            key: {"value": value, "source": environment.sources.get(key, "default")}
            for key, value in settings.items()
        },
        "variables": {
            variable.name: {
                "value": variable.value,
                "type": variable.type,
                "source": variable.source,
                "description": variable.description,
            }
            for variable in environment.variables
        },
    }


def _render(environments: Sequence[Environment]) -> Iterator[Text]:
    from rich.text import Text

    if not environments:
        yield Text("The file declares no environments; add [environments.NAME] tables.")
        return
    for index, environment in enumerate(environments):
        if index:
            yield Text()
        yield from _render_environment(environment)


def _render_environment(environment: Environment) -> Iterator[Text]:
    from rich.text import Text

    from reconciler.model.environment import format_value
    from reconciler.model.text import escape_invisible

    title = Text(escape_invisible(environment.name), "bold")
    if environment.is_default:
        title.append("  default", "dim")
    if environment.after:
        title.append(f"  after {', '.join(map(escape_invisible, environment.after))}", "dim")
    yield title
    settings = environment.settings
    rows = [
        (key, str(value), environment.sources.get(key, "default"))
        for key in ("name", "target", "account", "region", "profile", "role_arn")
        if (value := getattr(settings, key)) is not None
    ]
    rows += [
        (f"var.{variable.name}", format_value(variable.value), variable.source)
        for variable in environment.variables
    ]
    key_width = max(len(key) for key, _, _ in rows)
    for key, value, source in rows:
        line = Text(f"  {key:<{key_width}}  ")
        line.append(escape_invisible(value))
        line.append(f"  {escape_invisible(source)}", "dim")
        yield line
