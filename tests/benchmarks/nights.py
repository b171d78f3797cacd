"""Virtual nights of a fleet that others edit by day, under AWS's default quotas.

    python -m tests.benchmarks.nights [--devices N] [--nights N] [--edits N] [--scrub SECONDS]

Every night, a plan with `read = "changed"` is made and applied. CloudTrail loses one percent of the events and delivers the others
up to 15 minutes late. The first device is applied, and copied to all others with its reading; the ages of the readings are those of a
fleet that has been read in turns for weeks. The registry throttles every request above a quota and takes 20 milliseconds for
each response; both and the client use one virtual clock. `max_age` is two nights longer than it takes until every edge had its turn.

- **found**: the things that the plan changes, each of which is compared with the registry's file.
- **lost found**, **oldest d**: the things whose edits have no delivered event and that the scrub found, and the age of the oldest edit.
- **unseen**: the things whose lost edits are not found yet; none of these edits is older than `max_age`.
- **missed**: the things that the plan leaves as they are although an event names them, or their edit is older than `max_age`.
- **wrong**: the things that the plan changes although they match the file, or that the apply does not repair.
- **plan s**, **apply s**: the duration in virtual time. CPU seconds and memory are those of the client and the registry together.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path

from reconciler.cli.main import collect_garbage_rarely
from reconciler.model.edge_readings import RememberedSettings
from tests.benchmarks.quota_simulation import Simulation, simulate_quotas
from tests.benchmarks.report import describe_machine, format_table
from tests.support.virtual_nights import CALLS_PER_SECOND, DAY, Night, NightFleet, start_cloud, start_fleet
from tests.support.waiting_clock import WaitingClock

COLUMNS = (
    *("night", "edits", "found", "lost found", "oldest d", "unseen", "missed", "wrong"),
    *("edge reads", "calls", "plan s", "apply s", "CPU s", "peak MiB"),
)
SEED = 17
_MAX_SCRUB_SECONDS = 720
_THINGS_PER_EDIT = 3
"""The things that each edit has read: those that it concerns, this night and, after their repair, the next one."""


def count_rounds(devices: int, edits: int, scrub_seconds: int) -> int:
    """Return the number of nights in which every edge has its turn."""
    turns = int(scrub_seconds * CALLS_PER_SECOND) - _THINGS_PER_EDIT * edits
    if turns <= 0:
        raise SystemExit("the scrub does not have enough time for these edits")
    return ceil(devices / turns)


def start(folder: Path, devices: int, rounds: int, scrub_seconds: int) -> tuple[NightFleet, Simulation]:
    """Return a fleet whose edges were read in turns, and the simulation that sends its calls."""
    settings = RememberedSettings(
        max_age=f"{max(7, rounds + 2)}d", scrub=f"{scrub_seconds}s", unexplained="warn"
    )
    clock = WaitingClock()
    cloud = start_cloud(folder, clock, SEED)
    simulation = simulate_quotas(cloud.registry, clock)
    fleet = start_fleet(cloud, folder, devices, settings, call=simulation, clock=clock, pause=clock.sleep)
    fleet.spread_readings(rounds)
    clock.sleep(rounds * DAY)
    return fleet, simulation


def measure_nights(
    fleet: NightFleet, simulation: Simulation, nights: int, edits: int
) -> Iterator[Sequence[str]]:
    """Yield a table row for each night."""
    for number in range(1, nights + 1):
        day = fleet.edit_for_a_day(edits)
        simulation.calls.clear()
        started_at = time.process_time()
        night = fleet.plan_and_apply(day)
        yield format_row(number, night, simulation.calls.total(), time.process_time() - started_at)


def format_row(number: int, night: Night, calls: int, seconds: float) -> Sequence[str]:
    oldest = f"{max(night.lost_ages) / DAY:.1f}" if night.lost_ages else ""
    counts = (
        *(
            number,
            night.edits,
            len(night.found_things),
            len(night.lost_ages),
            oldest,
            night.unseen,
            len(night.missed),
        ),
        *(len(night.wrong | night.unrepaired), night.edge_reads, calls),
    )
    units_per_mib = 1024**2 if sys.platform == "darwin" else 1024
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units_per_mib
    measurements = (night.plan_seconds, night.apply_seconds, seconds, peak_mib)
    return (
        *(f"{count:,}" if isinstance(count, int) else count for count in counts),
        *(f"{value:,.0f}" for value in measurements),
    )


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--devices", type=int, default=10_000, metavar="N", help="Devices (default: 10000).")
    parser.add_argument("--nights", type=int, default=28, metavar="N", help="Nights (default: 28).")
    parser.add_argument(
        "--edits",
        type=int,
        metavar="N",
        help="Edits a day (default: a thousandth of the devices, at least 20).",
    )
    parser.add_argument(
        "--scrub",
        type=int,
        metavar="SECONDS",
        help="Time of the scrub (default: a quarter of the fleet, at most 720).",
    )
    options = parser.parse_args(arguments)
    edits = options.edits or max(20, options.devices // 1000)
    quarter = ceil(options.devices / 4 / CALLS_PER_SECOND)
    scrub_seconds = options.scrub or min(_MAX_SCRUB_SECONDS, quarter)
    rounds = count_rounds(options.devices, edits, scrub_seconds)
    random.seed(SEED)  # which edges a scrub reads
    collect_garbage_rarely()  # as a command does
    rows = []
    with tempfile.TemporaryDirectory(prefix="reconciler-nights-") as temporary:
        started_at = time.process_time()
        fleet, simulation = start(Path(temporary), options.devices, rounds, scrub_seconds)
        sys.stderr.write(f"  start: {time.process_time() - started_at:.0f} s of CPU\n")
        for row in measure_nights(fleet, simulation, options.nights, edits):
            rows.append(row)
            sys.stderr.write(f"  {dict(zip(COLUMNS, row, strict=True))}\n")
        fleet.close()
    limits = f'scrub = "{scrub_seconds}s", max_age = "{fleet.settings.max_age}"'
    sys.stdout.write(f"{options.devices:,} devices, {limits}; {describe_machine()}.\n\n")
    sys.stdout.write(format_table(COLUMNS, rows, 0) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
