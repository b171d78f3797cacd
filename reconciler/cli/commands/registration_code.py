"""`reconciler registration-code`: the common name of the verification certificate of a CA."""

from __future__ import annotations

import click

from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import Options, add_common_options
from reconciler.cli.terminal import echo


@click.command("registration-code")
@add_common_options()
@add_environment_options
@click.pass_context
def registration_code(ctx: click.Context) -> None:
    """Print the code that verifies the owner of a CA.

    AWS registers a CA certificate in DEFAULT mode with a verification certificate: its common name is this code, and the CA has signed it.
    `apply` creates one with `verification = { key = … }`. If the CA's key is on another machine, have one signed there, and set
    `verification = { certificate = { file = "verification.pem" } }`.

    The code belongs to the account and Region; AWS creates it when it is first read. The resources in the file are not read.
    """
    echo(Options.from_context(ctx).open_workspace().registration_code())
