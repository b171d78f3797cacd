"""Measure the time and the memory that it takes to load, plan and render a fleet from one manifest.

    python -m tests.benchmarks.manifest [--devices N]… [--base N]

A device is one row of a CSV file and two resources: two tables read the file with `for_each`, one for the certificates (PEM
files) and one for the things. Each stage runs in its own process, against a registry in another process on this machine.
A stage first repeats the stages that it needs. Its seconds exclude them, but its peak memory is that of the whole process. The
bytes per resource are the growth of the peak memory from a small fleet to the measured one, divided by the number of added
resources.

The registry is empty when the creation is planned. Before the fleet is planned again, its first device is applied and copied to
all other devices (`registry_copies`). Applying the whole fleet would take long, and `race` measures applies already.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from tests.benchmarks import fleet, registry_copies
from tests.benchmarks.contenders import RECONCILER
from tests.benchmarks.report import describe_machine, format_table
from tests.support.registry_server import serve_registry

BASE_DEVICES = 1000
"""How many devices the small fleet has, to which larger fleets are compared."""

RESOURCES_PER_DEVICE = 2
LOAD, PLAN, PLAN_AGAIN = "load", "plan the creation", "plan again: no changes"
OUTPUT_FORMATS_BY_STAGE: Mapping[str, str] = {
    "render the plan as text": "text",
    "render the plan as html": "html",
    "render the plan as json": "json",
}
STAGES = (LOAD, PLAN, *OUTPUT_FORMATS_BY_STAGE, PLAN_AGAIN)
COLUMNS = ("devices", "resources", "stage", "seconds", "peak MiB", "bytes per resource", "MB of output")


@frozen
class Measurement:
    """The seconds of one stage, the peak memory of its process, and the size of its output."""

    seconds: float
    peak_bytes: int
    output_bytes: int


def run_stage(stage: str) -> float:
    """Run the stages that a stage needs, and then the stage, on the fleet in the working directory.

    Return the seconds of the stage alone.
    """
    from reconciler.cli.planning import print_plan
    from reconciler.cli.terminal import Terminal
    from reconciler.workspace import Workspace

    workspace = Workspace()
    started_at = time.perf_counter()
    workspace.desired  # noqa: B018 (reads the file)
    if stage == LOAD:
        return time.perf_counter() - started_at
    started_at = time.perf_counter()
    plan = workspace.plan()
    expects_changes = stage != PLAN_AGAIN
    if bool(plan) != expects_changes:
        raise SystemExit(f"{stage}: unexpected plan: {plan}")
    if stage in OUTPUT_FORMATS_BY_STAGE:
        started_at = time.perf_counter()
        print_plan(workspace, plan, Terminal(), output_format=OUTPUT_FORMATS_BY_STAGE[stage])
    return time.perf_counter() - started_at


def measure_stage(folder: Path, stage: str) -> Measurement:
    """Run a stage of the folder's fleet in its own process, and measure it. Raises SystemExit if it fails."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    log = folder / "log.txt"
    with log.open("wb") as log_file:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.manifest", "--stage", stage],
            cwd=folder,
            env={**environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
            stderr=log_file,
        )
        assert process.stdout
        output_bytes = 0
        while chunk := process.stdout.read(2**16):
            output_bytes += len(chunk)
        _, status, usage = os.wait4(process.pid, 0)
        process.stdout.close()
    *_, last_line = log.read_text(errors="replace").splitlines() or [""]  # the seconds, or an error message
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{stage}: {last_line}")
    rss_unit_bytes = 1 if sys.platform == "darwin" else 1024
    return Measurement(float(last_line), usage.ru_maxrss * rss_unit_bytes, output_bytes)


def measure_fleet(devices: int) -> Mapping[str, Measurement]:
    """Measure all stages of a fleet, and return the measurements by stage."""
    measurements = {}
    with tempfile.TemporaryDirectory(prefix="reconciler-manifest-") as temporary:
        folder, database = Path(temporary) / "fleet", Path(temporary) / "registry.sqlite3"
        fleet.write_files(folder, devices)
        with serve_registry("--db", str(database)) as server:
            fleet.write_desired_state(folder, server.url)
            for stage in STAGES:
                if stage == PLAN_AGAIN:
                    fill_registry(folder, database, devices)
                measurements[stage] = measure_stage(folder, stage)
                sys.stderr.write(f"  {devices:,} devices: {stage}: {measurements[stage].seconds:.2f} s\n")
    return measurements


def fill_registry(folder: Path, database: Path, devices: int) -> None:
    """Apply the first device and copy it, so that the registry contains the whole fleet."""
    fleet.write_manifest(folder, 1, changed=False)
    subprocess.run((*RECONCILER, "apply", "--yes"), cwd=folder, check=True, capture_output=True)
    registry_copies.copy_first_device(database, folder, [*fleet.list_device_names(devices)])
    fleet.write_manifest(folder, devices, changed=False)


def format_rows(
    devices: int,
    measurements: Mapping[str, Measurement],
    base_devices: int,
    base_measurements: Mapping[str, Measurement],
) -> Iterator[tuple[str, ...]]:
    """Yield a table row for each stage.

    The bytes per resource are the growth of the peak memory from the small fleet (`base_…`) to this one, divided by the number of
    added resources.
    """
    resources = devices * RESOURCES_PER_DEVICE
    added_resources = resources - base_devices * RESOURCES_PER_DEVICE
    for stage in STAGES:
        measurement = measurements[stage]
        added_bytes = measurement.peak_bytes - base_measurements[stage].peak_bytes
        bytes_per_resource = f"{added_bytes / added_resources:,.0f}" if added_resources else ""
        output = f"{measurement.output_bytes / 1e6:,.1f}" if stage in OUTPUT_FORMATS_BY_STAGE else ""
        yield (
            f"{devices:,}",
            f"{resources:,}",
            stage,
            f"{measurement.seconds:.2f}",
            f"{measurement.peak_bytes / 2**20:,.0f}",
            bytes_per_resource,
            output,
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
        help="Devices of a fleet; repeatable (default: 10000 and 100000).",
    )
    parser.add_argument(
        "--base",
        type=int,
        default=BASE_DEVICES,
        metavar="N",
        help=f"Devices of the small fleet (default: {BASE_DEVICES}).",
    )
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.stage:
        # In a stage's own process: `measure_stage` reads the seconds from the last line.
        sys.stderr.write(f"\n{run_stage(options.stage)}\n")
        return
    base_measurements = measure_fleet(options.base)
    rows = [*format_rows(options.base, base_measurements, options.base, base_measurements)]
    for devices in options.devices or (10_000, 100_000):
        rows += format_rows(devices, measure_fleet(devices), options.base, base_measurements)
    sys.stdout.write(f"One run on {describe_machine()}; each stage in its own process.\n\n")
    sys.stdout.write(format_table(COLUMNS, rows, 3) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
