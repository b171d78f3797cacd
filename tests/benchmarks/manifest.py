"""A fleet out of one manifest: how long it takes to read, plan and show it, and how much memory each resource takes.

    python -m tests.benchmarks.manifest [--devices N …] [--base N]

A device is a row of a CSV file that two tables with `for_each` read, one for its certificate (a PEM file) and one for its
thing: two resources. Each stage runs in a process of its own against a registry in another one on this machine; what comes
before it is done there, too, and is not in its seconds. Peaks are of the whole process, start-up and all that comes before
included. Bytes a resource are by how much the peak is above that of a small fleet.

Planning the creation, the registry is empty. Planning it again, it has the fleet: the first device is applied, and the
others are copied from it row by row (`copies`), because applying 100,000 is another benchmark.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from tests.benchmarks import copies, fleet
from tests.benchmarks.race import RECONCILER, table
from tests.support.registry_server import serve_registry

BASE = 1000
"""Devices of the small fleet."""

RESOURCES_A_DEVICE = 2
LOAD, PLAN, AGAIN = "load", "plan to create", "plan again: nothing to do"
FORMATS: Mapping[str, str] = {f"show it as {name}": name for name in ("text", "html", "json")}
STAGES = (LOAD, PLAN, *FORMATS, AGAIN)
COLUMNS = ("devices", "resources", "stage", "seconds", "peak MiB", "bytes a resource", "MB shown")


@frozen
class Figures:
    """What a stage took: its own seconds, bytes at the most of its process, and bytes that it wrote."""

    seconds: float
    peak: int
    shown: int


def stage(name: str) -> float:
    """Run a stage on the fleet in this folder, all that comes before it first; give its own seconds."""
    from reconciler.cli.planning import print_plan
    from reconciler.cli.terminal import Terminal
    from reconciler.workspace import Workspace

    workspace = Workspace()
    begun = time.perf_counter()
    workspace.desired  # noqa: B018 (reads the file)
    if name == LOAD:
        return time.perf_counter() - begun
    begun = time.perf_counter()
    plan = workspace.plan()
    if bool(plan) != (name != AGAIN):
        raise SystemExit(f"{name}: {plan}")
    if name in FORMATS:
        begun = time.perf_counter()
        print_plan(workspace, plan, Terminal.open(), output_format=FORMATS[name])
    return time.perf_counter() - begun


def run(folder: Path, name: str) -> Figures:
    """A stage in a process of its own, its output into a pipe. Raises SystemExit when it did not do what it should."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    log = folder / "log.txt"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.manifest", "--stage", name],
            cwd=folder,
            env={**environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        assert process.stdout
        shown = sum(map(len, iter(lambda: process.stdout.read(2**16), b"")))
        _, status, used = os.wait4(process.pid, 0)
        process.stdout.close()
    *_, told = log.read_text(errors="replace").splitlines() or [""]
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{name}: {told}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Figures(float(told), used.ru_maxrss * unit, shown)


def take(devices: int) -> Mapping[str, Figures]:
    """All stages of one fleet."""
    taken = {}
    with tempfile.TemporaryDirectory(prefix="reconciler-manifest-") as temporary:
        folder, database = Path(temporary) / "fleet", Path(temporary) / "registry.sqlite3"
        fleet.write(folder, devices)
        with serve_registry("--db", str(database)) as server:
            fleet.point(folder, server.url)
            for name in STAGES:
                if name == AGAIN:
                    populate(folder, database, devices)
                taken[name] = run(folder, name)
                sys.stderr.write(f"  {devices:,} devices: {name}: {taken[name].seconds:.2f} s\n")
    return taken


def populate(folder: Path, database: Path, devices: int) -> None:
    """Give the registry what applying the whole fleet would have left there."""
    fleet.write_devices(folder, 1, changed=False)
    subprocess.run((*RECONCILER, "apply", "--yes"), cwd=folder, check=True, capture_output=True)
    copies.copy(database, folder, [*fleet.names(devices)])
    fleet.write_devices(folder, devices, changed=False)


def rows(
    devices: int, taken: Mapping[str, Figures], base: int, small: Mapping[str, Figures]
) -> Iterator[tuple[str, ...]]:
    """A row a stage; `small` is what the fleet of `base` devices took."""
    resources = devices * RESOURCES_A_DEVICE
    more = resources - base * RESOURCES_A_DEVICE
    for name in STAGES:
        found = taken[name]
        each = f"{(found.peak - small[name].peak) / more:,.0f}" if more else ""
        shown = f"{found.shown / 1e6:,.1f}" if name in FORMATS else ""
        yield (
            *(f"{devices:,}", f"{resources:,}", name, f"{found.seconds:.2f}"),
            *(f"{found.peak / 2**20:,.0f}", each, shown),
        )


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--devices", type=int, action="append", metavar="N", help="10,000 and 100,000; may be given again"
    )
    parser.add_argument("--base", type=int, default=BASE, metavar="N", help="devices of the small fleet")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    given = parser.parse_args(words)
    if given.stage:
        sys.stderr.write(f"\n{stage(given.stage)}\n")
        return
    small = take(given.base)
    lines = [*rows(given.base, small, given.base, small)]
    for devices in given.devices or (10_000, 100_000):
        lines += rows(devices, take(devices), given.base, small)
    where = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    sys.stdout.write(f"One run on {where}; each stage in a process of its own.\n\n")
    sys.stdout.write(table(COLUMNS, lines, 3) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
