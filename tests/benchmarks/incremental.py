"""Compare plans without changes: of Terraform, and of `reconciler`, full and incremental.

    python -m tests.benchmarks.incremental [--devices N]… [--limit SECONDS] [--without NAME]…

Each contender plans the same fleet, copied as in the race, which no one has edited. `reconciler` plans three times: it reads all edges,
then all for the first time with `--read changed`, which is not shown, and then the edges that may have changed. Its scrub is as long as
a fifth of the edges takes, so with a plan a night none is read later than after a week. Terraform is skipped, with a message, if it is not
installed, and stopped at the limit.

The virtual seconds are the shortest time that AWS's default quotas allow for the calls that the registry received, so latency is not in
them. The last column names what a contender did not look at.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path

from attrs import evolve

from reconciler.aws.quotas import load_quotas
from tests.benchmarks import fleet
from tests.benchmarks.contenders import RECONCILER, RECONCILER_NAME, Contender, find_contenders
from tests.benchmarks.race import Measurement, measure_phase, start_run
from tests.benchmarks.report import describe_machine, format_table
from tests.support.registry_server import RunningServer

COLUMNS = ("devices", "contender", "calls", "virtual s", "CPU s", "peak MiB", "not looked at")
FULL, INCREMENTAL = f"{RECONCILER_NAME} --read all", f"{RECONCILER_NAME} --read changed"
NOT_LOOKED_AT = {
    "terraform": "what is not in its state",
    "terraform -refresh=false": "the registry",
    FULL: "nothing",
}
QUOTAS = load_quotas({})
_EDGES_PER_SECOND = float(min(bucket.rate for bucket in QUOTAS.find_buckets("iot", "ListThingPrincipalsV2")))
_SCRUB_SHARE = 5


def measure_fleet(devices: int, limit_seconds: float, excluded: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield a table row for each contender."""
    contenders = [*find_contenders(["boto3 script", *excluded])]
    with start_run(devices, None, contenders, copied=True) as (server, folders):
        for contender in contenders:
            folder = folders[contender.name]
            fleet.write_manifest(folder, devices, changed=False)
            if contender.is_terraform:
                yield measure_plan(server, contender, folder, devices, limit_seconds)
                continue
            add_scrub(folder, devices)
            yield measure_plan(server, set_reading(contender, FULL), folder, devices)
            incremental = set_reading(contender, INCREMENTAL)
            measure_phase(server, incremental, folder, "no-op")
            yield measure_plan(server, incremental, folder, devices)


def add_scrub(folder: Path, devices: int) -> None:
    """Set the time of the scrub in the file."""
    seconds = ceil(devices / _SCRUB_SHARE / _EDGES_PER_SECOND)
    with (folder / "desired_state.toml").open("a") as file:
        file.write(f'\n[workspace.remembered]\nmax_age = "7d"\nscrub = "{seconds}s"\n')


def set_reading(contender: Contender, name: str) -> Contender:
    """Return a contender that plans with the options in its name."""
    _, *options = name.split()
    command = (*RECONCILER, "plan", "--detailed-exitcode", "--full", *options)
    return evolve(contender, name=name, build_command=lambda *_: command)


def measure_plan(
    server: RunningServer,
    contender: Contender,
    folder: Path,
    devices: int,
    limit_seconds: float | None = None,
) -> Sequence[str]:
    """Run one plan, and return its table row; a `>` marks the lower bounds of one that was stopped."""
    calls_before = count_calls_by_operation(server, contender.account)
    measurement = measure_phase(server, contender, folder, "no-op", limit_seconds)
    calls = count_calls_by_operation(server, contender.account) - calls_before
    sys.stderr.write(f"  {devices:,} devices: {contender.name}: {measurement}\n")
    return format_row(devices, contender.name, measurement, calls, (folder / "log.txt").read_text())


def count_calls_by_operation(server: RunningServer, account: str) -> Counter[tuple[str, str]]:
    """Return how many requests the server has received for an account, by service and operation."""
    counts: Counter[tuple[str, str]] = Counter()
    for key, count in server.request("GET", "/calls").document.items():
        key_account, *_, service, operation = re.split(r"[ /.:]", key)
        if key_account == account:
            counts[service, operation] += count
    return counts


def format_row(
    devices: int, name: str, measurement: Measurement, calls: Counter[tuple[str, str]], output: str
) -> Sequence[str]:
    sign = "" if measurement.completed else "> "
    remembered = re.search(r"([1-9][\d,]*) remembered", output)
    omission = f"the edges of {remembered[1]} devices, for at most 7 days" if remembered else "nothing"
    return (
        f"{devices:,}",
        name,
        f"{sign}{measurement.calls:,.0f}",
        f"{sign}{QUOTAS.estimate(calls).seconds:,.0f}",
        f"{sign}{measurement.cpu_seconds:.1f}",
        f"{measurement.peak_mib:.0f}",
        NOT_LOOKED_AT.get(name, omission),
    )


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--devices",
        type=int,
        action="append",
        metavar="N",
        help="Devices; repeatable (default: 1000, 10000 and 100000).",
    )
    parser.add_argument(
        "--limit",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="Time after which Terraform is stopped (default: 300).",
    )
    parser.add_argument(
        "--without", action="append", default=[], metavar="NAME", help="A contender to leave out; repeatable."
    )
    options = parser.parse_args(arguments)
    rows = [
        row
        for devices in options.devices or (1000, 10_000, 100_000)
        for row in measure_fleet(devices, options.limit, options.without)
    ]
    sys.stdout.write(f"Plans without changes, one run on {describe_machine()}; start-up included.\n\n")
    sys.stdout.write(format_table(COLUMNS, rows, 2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
