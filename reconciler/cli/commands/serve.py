"""`reconciler registry serve`: the embedded registry as an endpoint that any AWS client can be pointed to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli.options import common
from reconciler.model.duration import DURATION_FORMAT, parse_duration

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


class _Duration(click.ParamType[float]):
    """A time such as 5m."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        if isinstance(value, float):
            return value
        found = parse_duration(value)
        if found is None:
            self.fail(f"{value!r} is not {DURATION_FORMAT}", param, ctx)
        return found


_DURATION = _Duration()


@click.command()
@common()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="A loopback address; others are refused."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=4577, show_default=True, help="0 takes any free port."
)
@click.option(
    "--db",
    default=":memory:",
    show_default=True,
    metavar="FILE",
    help="Where it is kept; in memory it is gone afterwards.",
)
@click.option("--region", default="eu-west-1", show_default=True, help="For requests that are not signed.")
@click.option(
    "--quotas",
    type=click.Choice(["aws", "none"]),
    default="none",
    show_default=True,
    help="Refuse calls over AWS's default rates, as AWS does.",
)
@click.option("--latency", metavar="TIME", help="20ms, uniform:10ms,30ms or lognormal:20ms,0.5.")
@click.option("--faults", type=_FILE, metavar="FILE", help="TOML with rules of which calls go wrong.")
@click.option("--virtual-time", is_flag=True, help="Waiting moves the registry's clock and takes no time.")
@click.option(
    "--detach-lag", type=_DURATION, default=0.0, help="How long a detached principal still blocks deletions."
)
@click.option(
    "--thing-type-deletion",
    type=_DURATION,
    default=300.0,
    help="How long a deprecated thing type cannot be deleted; 5m.",
)
@click.option(
    "--managed-thing-deletion", type=_DURATION, default=0.0, help="How long deleting a managed thing takes."
)
@click.option("--registration-task", type=_DURATION, default=0.0, help="How long a registration task runs.")
@click.option(
    "--buckets", type=_FOLDER, metavar="FOLDER", help="Stands for S3, for thing registration tasks."
)
def serve(*, quotas: str, **options: Any) -> None:
    """Serve the embedded registry on a loopback port, for the aws CLI, SDKs and Terraform.

    The account is the access key when that has 12 digits, else 123456789012; the region is the signature's. POST
    /moto-api/reset empties it, GET /health says that it is up, SIGTERM ends it.
    """
    import logging

    from reconciler.aws import serve as serving
    from reconciler.aws.quotas import load_quotas

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    rates = load_quotas({}) if quotas == "aws" else None
    serving.serve(serving.ServeOptions(quotas=rates, **options), _tell)


def _tell(url: str) -> None:
    click.echo(f"the embedded registry answers at {url}")
    click.echo(
        f"  export AWS_ENDPOINT_URL={url} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test"
        ' AWS_DEFAULT_REGION=eu-west-1\n  or, in the desired state: [workspace] target = "' + url + '"'
    )
