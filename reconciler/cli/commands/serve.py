"""`reconciler registry serve`: the embedded registry as an endpoint for any AWS client."""

from __future__ import annotations

import re
from typing import Any

import click

from reconciler.cli.options import IntegerRange, UserPath, add_common_options
from reconciler.model.duration import DURATION_FORMAT, parse_duration

_SERVER_COLLECTIONS = (700, 10, 10)
"""Python's own thresholds: a server runs for long, so it must free what requests leave."""

_FILE = UserPath(exists=True)
_FOLDER = UserPath(is_folder=True, exists=True)


class _Duration(click.ParamType[float]):
    """A duration such as 5m, as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds of a text such as `5m`; a default is in seconds already."""
        if isinstance(value, float):
            return value
        parsed = parse_duration(value)
        if parsed is None:
            self.fail(f"{value!r} is not a valid duration; expected {DURATION_FORMAT}", param, ctx)
        return parsed


class _DurationRange(click.ParamType[tuple[float, float]]):
    """A duration, or the shortest and the longest one, such as 1m,15m; as seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float]:
        """Return the shortest and the longest duration of a text."""
        if isinstance(value, tuple):
            return value
        shortest, comma, longest = value.partition(",")
        seconds = parse_duration(shortest), parse_duration(longest if comma else shortest)
        if seconds[0] is None or seconds[1] is None or seconds[0] > seconds[1]:
            expected = f"{DURATION_FORMAT}, or two, as in 1m,15m"
            self.fail(f"{value!r} is not a valid duration; expected {expected}", param, ctx)
        return seconds[0], seconds[1]


class _Percentage(click.ParamType[float]):
    """A percentage such as 1%, as a share from 0 to 1."""

    name = "percentage"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the share that a text such as `1%` or `0.5%` means; a default is a share already."""
        if isinstance(value, float):
            return value
        match = _PERCENTAGE_PATTERN.fullmatch(value)
        if match is None or float(match[1]) > _ALL_PERCENT:
            self.fail(f"{value!r} is not a valid percentage; expected one from 0% to 100%", param, ctx)
        return float(match[1]) / _ALL_PERCENT


_DURATION = _Duration()
_PERCENTAGE_PATTERN = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)%")
_ALL_PERCENT = 100


@click.command()
@add_common_options()
@click.option(
    "--host",
    default="127.0.0.1",
    metavar="HOST",
    help="Loopback address to listen on (default: 127.0.0.1).",
)
@click.option(
    "--port",
    type=IntegerRange(0, 65535),
    default=4577,
    metavar="PORT",
    help="Port to listen on; 0 chooses a free port (default: 4577).",
)
@click.option(
    "--db",
    default=":memory:",
    metavar="FILE",
    help="Database file; data in memory is lost when the server stops (default: :memory:).",
)
@click.option(
    "--region",
    default="eu-west-1",
    metavar="REGION",
    help="Region of requests that are not signed (default: eu-west-1).",
)
@click.option(
    "--quotas",
    type=click.Choice(["aws", "none"]),
    default="none",
    help="Request quotas: aws (AWS's default rates) or none (default: none).",
)
@click.option(
    "--latency",
    metavar="DURATION",
    help="Delay of every response: a time (20ms), uniform:FROM,TO or lognormal:MEDIAN,SIGMA (default: none).",
)
@click.option(
    "--faults", type=_FILE, metavar="FILE", help="TOML file with rules by which calls fail or are delayed."
)
@click.option(
    "--virtual-time",
    is_flag=True,
    help="Advance the registry's clock instead of delaying responses; POST /clock advances it, too.",
)
@click.option(
    "--detach-lag",
    "detach_lag_seconds",
    type=_DURATION,
    default=0.0,
    help="How long things, principals, policies and groups cannot be deleted after a detachment (default: 0s).",
)
@click.option(
    "--thing-type-deletion",
    "thing_type_deletion_seconds",
    type=_DURATION,
    default=300.0,
    help="How long a deprecated thing type cannot be deleted yet (default: 5m).",
)
@click.option(
    "--managed-thing-deletion",
    "managed_thing_deletion_seconds",
    type=_DURATION,
    default=0.0,
    help="How long the deletion of a managed thing takes (default: 0s).",
)
@click.option(
    "--registration-task",
    "registration_task_seconds",
    type=_DURATION,
    default=0.0,
    help="How long a registration task runs (default: 0s).",
)
@click.option(
    "--topic-rule-destination",
    "topic_rule_destination_seconds",
    type=_DURATION,
    default=0.0,
    help="How long a new topic rule destination is in progress (default: 0s).",
)
@click.option(
    "--encryption-update",
    "encryption_update_seconds",
    type=_DURATION,
    default=0.0,
    help="How long an update of the encryption of managed integrations takes (default: 0s).",
)
@click.option(
    "--no-trail",
    is_flag=True,
    help="Log no writes as events of CloudTrail, which LookupEvents returns.",
)
@click.option(
    "--trail-lag",
    "trail_lag_seconds",
    type=_DurationRange(),
    default=(0.0, 0.0),
    metavar="DURATION[,DURATION]",
    help="Time until CloudTrail delivers an event, or the shortest and the longest (default: 0s).",
)
@click.option(
    "--trail-loss",
    type=_Percentage(),
    default=0.0,
    metavar="PERCENTAGE",
    help="Part of the events that CloudTrail never delivers, such as 1% (default: 0%).",
)
@click.option(
    "--no-trail-resources",
    is_flag=True,
    help="List no resources in events of CloudTrail.",
)
@click.option(
    "--buckets",
    type=_FOLDER,
    metavar="FOLDER",
    help="Folder whose subfolders replace S3 buckets, for thing registration tasks.",
)
def serve(*, quotas: str, no_trail: bool, no_trail_resources: bool, **options: Any) -> None:
    """Serve the embedded registry over HTTP on this machine.

    Any AWS client works with it: the AWS CLI, SDKs, Terraform. An access key ID of 12 digits selects the account
    with that ID; any other selects account 123456789012. The region is the one that the request is signed for.

    POST /moto-api/reset deletes all data, GET /health reports that the server is up, SIGTERM stops it.
    """
    import gc
    import logging

    from reconciler.aws.quotas import load_quotas
    from reconciler.aws.serve import ServeOptions, serve_registry

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    rates = load_quotas({}) if quotas == "aws" else None
    serve_options = ServeOptions(
        quotas=rates, trail=not no_trail, trail_resources=not no_trail_resources, **options
    )
    gc.set_threshold(*_SERVER_COLLECTIONS)
    serve_registry(serve_options, _print_url)


def _print_url(url: str) -> None:
    credentials = "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=eu-west-1"
    click.echo(f"the embedded registry listens on {url}")
    click.echo(f"  for AWS clients: export AWS_ENDPOINT_URL={url} {credentials}")
    click.echo(f'  for reconciler: [workspace] target = "{url}", or target = "aws" with AWS_ENDPOINT_URL')
