"""A race of Terraform, a boto3 script and `reconciler` over the life of a fleet.

    python -m tests.benchmarks.race [--devices N]… [--runs N] [--latency TIME] [--without NAME]… [--limit SECONDS]
                                    [--copied] [--busy] [--quotas N]…

The phases are the creation of the fleet, a run without changes, a change of one percent of the devices, and the deletion. For
each phase, a contender is started as a command; the start-up time counts. The contenders take turns at one `reconciler registry
serve` on this machine, each in its own account. The registry is in memory. With `--copied`, it is a file: each
contender creates one device, the race writes copies of it to the file, and the creation of the fleet is not measured. Terraform is
two contenders: one reads the registry before it plans, and one does not (`-refresh=false`). Both are skipped, with a message,
if it is not installed. The last table shows `reconciler` alone under AWS's default quotas, in virtual time, and the shortest time
that these quotas allow. With `--busy`, programs of the lowest priority keep all processors busy (`busy_processors`). The tables before it compare `reconciler` with the boto3 script, which is a bare loop of writes and checks nothing
before it writes, and `reconciler` with itself in a smaller fleet.
"""

from __future__ import annotations

import argparse
import compileall
import itertools
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from attrs import frozen

from tests.benchmarks import fleet, quota_simulation, registry_copies, terraform_state
from tests.benchmarks.busy_processors import keep_processors_busy
from tests.benchmarks.contenders import (
    RECONCILER_NAME,
    SCRIPT_NAME,
    Contender,
    find_contenders,
    prepare_folder,
)
from tests.benchmarks.report import describe_machine, format_table
from tests.support import terraform
from tests.support.registry_server import RunningServer, serve_registry

PHASES = ("create", "no-op", "change 1 %", "destroy")
CHANGED_PHASES = PHASES[2:]
"""The phases whose manifest has the change."""


RATIO_COLUMNS = ("devices", "phase", "calls", "CPU")
GROWTH_COLUMNS = ("devices", "times as many", "phase", "times the CPU")
COLUMNS = ("devices", "phase", "contender", "calls", "seconds", "relative time", "CPU s", "peak MiB")


@frozen
class Measurement:
    """The requests, wall-clock and CPU seconds of one phase, and the peak MiB of its largest process.

    A phase that was stopped at the time limit is not `completed`. `calls` is the number of requests, or a median.
    """

    calls: float
    seconds: float
    cpu_seconds: float
    peak_mib: float
    completed: bool = True

    def __str__(self) -> str:
        stopped = "" if self.completed else ", then stopped"
        costs = f"{self.calls:,.0f} calls, {self.cpu_seconds:.1f} s of CPU, {self.peak_mib:.0f} MiB"
        return f"{self.seconds:.2f} s{stopped} ({costs})"


Measurements = Mapping[tuple[str, str], Sequence[Measurement]]
"""The measurements of all runs, by phase and contender's name."""


def measure_phase(
    server: RunningServer, contender: Contender, folder: Path, phase: str, limit_seconds: float | None = None
) -> Measurement:
    """Run and measure one phase of one contender; stop it at the time limit (None: there is no limit).

    Raises SystemExit if its command fails.
    """
    calls_before = count_calls(server, contender)
    environ = {
        **build_environment(),
        "AWS_ACCESS_KEY_ID": contender.account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    log = folder / "log.txt"
    started_at = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            contender.build_command(folder, server.url, phase),
            cwd=folder,
            env=environ,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        with _kill_group_after(limit_seconds, process.pid) as killed:
            _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started_at
    exit_code = os.waitstatus_to_exitcode(status)
    if exit_code and not killed.is_set():
        log_end = log.read_text(errors="replace")[-2000:]
        raise SystemExit(f"{contender.name}, {phase}: exit code {exit_code}\n{log_end}")
    units_per_mib = 1024**2 if sys.platform == "darwin" else 1024
    return Measurement(
        calls=count_calls(server, contender) - calls_before,
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mib=usage.ru_maxrss / units_per_mib,
        completed=not killed.is_set(),
    )


@contextmanager
def _kill_group_after(seconds: float | None, group: int) -> Iterator[threading.Event]:
    """Kill a process group if the block takes longer than `seconds`; None means no limit.

    Yield an event that is set by the kill.
    """
    killed = threading.Event()

    def kill() -> None:
        killed.set()
        os.killpg(group, signal.SIGKILL)

    timer = threading.Timer(seconds or threading.TIMEOUT_MAX, kill)
    timer.daemon = True
    timer.start()
    try:
        yield killed
    finally:
        timer.cancel()


def build_environment() -> Mapping[str, str]:
    """Return the environment of the contenders, in which Python caches compiled files.

    Thus a contender starts as fast as an installed program, whose files are compiled too.
    """
    return {
        name: value
        for name, value in terraform.build_environment().items()
        if name != "PYTHONDONTWRITEBYTECODE"
    }


def count_calls(server: RunningServer, contender: Contender) -> int:
    """Return how many requests the server has received for the contender's account."""
    counts = server.request("GET", "/calls").document
    return sum(count for key, count in counts.items() if key.startswith(contender.account))


def run_race(
    devices: int,
    runs: int,
    latency: str | None,
    contenders: Sequence[Contender],
    limit_seconds: float | None = None,
    *,
    copied: bool = False,
) -> Measurements:
    """Measure all phases of all contenders, with a new server for each run.

    If the fleet is `copied`, its creation is not measured. A contender that exceeds the limit in a phase skips the later phases
    of that run; in later runs, it skips this phase too.
    """
    measurements: dict[tuple[str, str], list[Measurement]] = {}
    for number in range(1, runs + 1):
        eliminated = set[str]()
        with start_run(devices, latency, contenders, copied=copied) as (server, folders):
            phases = PHASES[1:] if copied else PHASES
            for phase, contender in itertools.product(phases, contenders):
                name, folder = contender.name, folders[contender.name]
                phase_runs = measurements.setdefault((phase, name), [])
                exceeded_limit = any(not measurement.completed for measurement in phase_runs)
                if name in eliminated or exceeded_limit:
                    eliminated.add(name)
                    continue
                fleet.write_manifest(folder, devices, changed=phase in CHANGED_PHASES)
                measurement = measure_phase(server, contender, folder, phase, limit_seconds)
                phase_runs.append(measurement)
                if not measurement.completed:
                    eliminated.add(name)
                progress = f"{devices:,} devices, run {number} of {runs}: {phase}, {name}"
                sys.stderr.write(f"  {progress}: {measurement}\n")
    return {key: phase_runs for key, phase_runs in measurements.items() if phase_runs}


@contextmanager
def start_run(
    devices: int, latency: str | None, contenders: Sequence[Contender], *, copied: bool
) -> Iterator[tuple[RunningServer, Mapping[str, Path]]]:
    """Start a server, and yield it with the contenders' folders by name; with `copied`, the fleet exists."""
    with tempfile.TemporaryDirectory(prefix="reconciler-race-") as temporary:
        root = Path(temporary)
        latency_option = ("--latency", latency) if latency else ()
        database_option = ("--db", str(root / "registry.sqlite3")) if copied else ()
        with serve_registry(*latency_option, *database_option) as server:
            fleet.write_files(root / "fleet", devices)
            folders = {
                contender.name: prepare_folder(root, server.url, contender) for contender in contenders
            }
            if copied:
                copy_fleet(server, contenders, folders, root, devices)
            yield server, folders


def copy_fleet(
    server: RunningServer,
    contenders: Sequence[Contender],
    folders: Mapping[str, Path],
    root: Path,
    devices: int,
) -> None:
    """Create one device for each contender, and copy it in the registry and in Terraform's state."""
    names = [*fleet.list_device_names(devices)]
    for contender in contenders:
        folder = folders[contender.name]
        fleet.write_manifest(folder, 1, changed=False)
        measure_phase(server, contender, folder, "create")
    registry_copies.copy_first_device(root / "registry.sqlite3", root / "fleet", names)
    for contender in contenders:
        if contender.is_terraform:
            terraform_state.copy_first_device(folders[contender.name], names)


def compute_medians(measurements: Sequence[Measurement]) -> Measurement:
    """Return the median of each number by itself; the result is `completed` if all measurements are."""
    return Measurement(
        calls=statistics.median(measurement.calls for measurement in measurements),
        seconds=statistics.median(measurement.seconds for measurement in measurements),
        cpu_seconds=statistics.median(measurement.cpu_seconds for measurement in measurements),
        peak_mib=statistics.median(measurement.peak_mib for measurement in measurements),
        completed=all(measurement.completed for measurement in measurements),
    )


def format_rows(
    devices: int, measurements: Measurements, contenders: Sequence[Contender]
) -> Iterator[tuple[str, ...]]:
    """Yield a table row for each phase and contender that were measured.

    A `>` marks the lower bounds of a phase that was stopped.
    """
    for phase, contender in itertools.product(PHASES, contenders):
        if (phase, contender.name) not in measurements:
            continue
        medians = compute_medians(measurements[phase, contender.name])
        factor = medians.seconds / compute_medians(measurements[phase, RECONCILER_NAME]).seconds
        sign = "" if medians.completed else "> "
        yield (
            f"{devices:,}",
            phase,
            contender.name,
            f"{medians.calls:,.0f}",
            f"{sign}{medians.seconds:.2f}",
            f"{sign}{factor:.1f}",
            f"{medians.cpu_seconds:.1f}",
            f"{medians.peak_mib:.0f}",
        )


def format_ratio_rows(devices: int, measurements: Measurements) -> Iterator[tuple[str, ...]]:
    """Yield, for each phase, the calls and the CPU time of `reconciler` as multiples of the script's.

    The CPU times are the minima of the runs, because other programs on the machine only add to them.
    """
    for phase in PHASES:
        if (phase, RECONCILER_NAME) in measurements and (phase, SCRIPT_NAME) in measurements:
            reconciler, script = measurements[phase, RECONCILER_NAME], measurements[phase, SCRIPT_NAME]
            calls = compute_medians(reconciler).calls / compute_medians(script).calls
            cpu = _find_min_cpu_seconds(reconciler) / _find_min_cpu_seconds(script)
            yield f"{devices:,}", phase, f"{calls:.2f}", f"{cpu:.2f}"


def _find_min_cpu_seconds(measurements: Sequence[Measurement]) -> float:
    return min(measurement.cpu_seconds for measurement in measurements)


def format_growth_rows(measurements: Mapping[int, Measurements]) -> Iterator[tuple[str, ...]]:
    """Yield the CPU time of `reconciler` as a multiple of that for the fleet before, for each phase.

    `measurements` has the measurements of each fleet by its devices.
    """
    for (fewer, smaller), (more, larger) in itertools.pairwise(measurements.items()):
        for phase in PHASES:
            key = (phase, RECONCILER_NAME)
            if key in smaller and key in larger:
                ratio = compute_medians(larger[key]).cpu_seconds / compute_medians(smaller[key]).cpu_seconds
                yield f"{more:,}", f"{more / fewer:g}", phase, f"{ratio:.1f}"


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--devices",
        type=int,
        action="append",
        metavar="N",
        help="Devices of a fleet; repeatable (default: 100 and 1000).",
    )
    parser.add_argument(
        "--runs", type=int, default=3, metavar="N", help="Runs, of which medians are shown (default: 3)."
    )
    parser.add_argument(
        "--latency", metavar="TIME", help="Latency of each response, in the form `registry serve` accepts."
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="NAME",
        help='A contender to leave out, such as "terraform" or "boto3 script"; repeatable.',
    )
    parser.add_argument(
        "--quotas",
        type=int,
        action="append",
        metavar="N",
        help="Devices of a fleet under AWS's quotas; repeatable (default: 1000).",
    )
    parser.add_argument(
        "--limit", type=float, metavar="SECONDS", help="Time after which a phase is stopped (default: none)."
    )
    parser.add_argument(
        "--copied",
        action="store_true",
        help="Create the fleet as copies of one device in the registry's file, and do not measure its creation.",
    )
    parser.add_argument(
        "--busy", action="store_true", help="Keep all processors busy, so that CPU times can be compared."
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    contenders = [*find_contenders(options.without)]
    for package in (
        "reconciler",
        "tests/benchmarks",
    ):  # so that no contender compiles them while it is measured
        compileall.compile_dir(Path(__file__).parents[2] / package, quiet=1)
    with keep_processors_busy() if options.busy else nullcontext():
        measurements = {
            devices: run_race(
                devices, options.runs, options.latency, contenders, options.limit, copied=options.copied
            )
            for devices in options.devices or (100, 1000)
        }
    rows = [row for measured in measurements.items() for row in format_rows(*measured, contenders)]
    ratio_rows = [row for measured in measurements.items() for row in format_ratio_rows(*measured)]
    latency = f", with a latency of {options.latency}" if options.latency else ""
    busy = ", all busy" if options.busy else ""
    write = sys.stdout.write
    write(f"Medians of {options.runs} runs on {describe_machine()}{busy}{latency}; start-up included.\n\n")
    write(format_table(COLUMNS, rows, 3) + "\n\n")
    if ratio_rows:
        write(f"`{RECONCILER_NAME}` as a multiple of the {SCRIPT_NAME}:\n\n")
        write(format_table(RATIO_COLUMNS, ratio_rows, 2) + "\n\n")
    if growth_rows := [*format_growth_rows(measurements)]:
        write(f"`{RECONCILER_NAME}` with more devices:\n\n")
        write(format_table(GROWTH_COLUMNS, growth_rows, 3) + "\n\n")
    write("Under AWS's default quotas, in virtual time:\n\n")
    simulated_rows = [
        row for devices in options.quotas or (1000,) for row in quota_simulation.simulate(devices)
    ]
    write(format_table(quota_simulation.COLUMNS, simulated_rows, 2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
