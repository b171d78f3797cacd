"""`reconciler version`."""

from __future__ import annotations

import click

from reconciler.cli.options import add_common_options


@click.command()
@add_common_options()
def version() -> None:
    """Show the version of reconciler and its main dependencies."""
    import platform
    from importlib.metadata import version as installed_version

    from reconciler.model.distribution import get_version

    click.echo(f"reconciler {get_version()}")
    click.echo(
        f"Python {platform.python_version()}, boto3 {installed_version('boto3')}, "
        f"botocore {installed_version('botocore')}"
    )
