"""`reconciler version`."""

from __future__ import annotations

import click

from reconciler.cli.options import common


@click.command()
@common()
def version() -> None:
    """Say which version this is, and of what it is made."""
    import platform
    from importlib.metadata import version as installed

    click.echo(f"reconciler {installed('reconciler')}")
    click.echo(
        f"Python {platform.python_version()}, boto3 {installed('boto3')}, botocore {installed('botocore')}"
    )
