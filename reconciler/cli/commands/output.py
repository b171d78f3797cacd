"""`reconciler output`: IDs, ARNs and endpoints for other tools."""

from __future__ import annotations

from collections.abc import Sequence

import click

from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import Options, add_common_options, complete_addresses
from reconciler.cli.terminal import echo

_FORMATS = ("text", "json", "csv", "env")


@click.command()
@add_common_options()
@add_environment_options
@click.option(
    "--format",
    "output_format",
    type=click.Choice(_FORMATS),
    default="text",
    help="Output format: text, json, csv, or env for a shell to source (default: text).",
)
@click.argument("selectors", nargs=-1, shell_complete=complete_addresses, metavar="[ADDRESS|GLOB]...")
@click.pass_context
def output(ctx: click.Context, selectors: Sequence[str], output_format: str) -> None:
    """Print IDs, ARNs and endpoints for other tools.

    ADDRESS or GLOB selects managed resources, such as things.pump-1 or 'things.pump-*'; a kind selects all of that kind (default:
    all). The values are read from the registry.

    The endpoints are the host names that devices of the account connect to; reading them needs iot:DescribeEndpoint. CSV has only the
    resources. In env, the ARN of things.pump-1 is THINGS_PUMP_1_ARN, and the data endpoint is ENDPOINTS_DATA.
    """
    from reconciler.render.json.output_file import render_output_json
    from reconciler.render.text.outputs import render_output_csv, render_output_env, render_output_text

    outputs = Options.from_context(ctx).open_workspace().output(selectors)
    if outputs.endpoints_problem:
        echo(f"warning: the endpoints are left out: {outputs.endpoints_problem}", stderr=True)
    if output_format == "json":
        for piece in render_output_json(outputs):
            click.echo(piece, nl=False)
        return
    renderers = {"text": render_output_text, "csv": render_output_csv, "env": render_output_env}
    for line in [*renderers[output_format](outputs)]:
        click.echo(line)
