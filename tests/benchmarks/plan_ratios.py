"""Compare the CPU and the memory of rendering a plan with those of the plan itself.

    python -m tests.benchmarks.plan_ratios [--devices N]

The plans of two fleets are compared, too: one has ten times the devices of the other.
Each measurement plans the creation of a fleet in its own process, with an embedded registry, and renders the plan. The seconds are
the processor time of one stage, the peak memory is that of the whole process. Both depend on the machine; the ratios hardly do.
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

from tests.benchmarks import fleet
from tests.benchmarks.report import describe_machine, format_table

DEVICES = 10_000
GROWTH = 10
PLAN = "plan"
OUTPUTS: Mapping[str, Mapping[str, str | bool]] = {
    "json": {"output_format": "json"},
    "jsonl": {"output_format": "jsonl"},
    "text": {"output_format": "text"},
    "text --full": {"output_format": "text", "full": True},
    "markdown": {"output_format": "markdown"},
    "html": {"output_format": "html"},
}
GRAPHS: Mapping[str, str] = {"graph": "tree", "graph --format svg": "svg"}
STAGES = (PLAN, *OUTPUTS, *GRAPHS)
COLUMNS = ("stage", "devices", "CPU s", "peak MiB", "CPU / plan", "peak / plan")


@frozen
class Measurement:
    """The processor seconds of one stage, and the peak memory of its process."""

    seconds: float
    peak_bytes: int


def run_stage(stage: str) -> float:
    """Plan the fleet in the working directory, and render it; return the processor seconds of the stage."""
    from reconciler.cli.commands.graph import draw_graph
    from reconciler.cli.main import collect_garbage_rarely
    from reconciler.cli.planning import print_plan
    from reconciler.cli.terminal import Terminal, write_pieces
    from reconciler.render.graph.dependency_graph import DependencyGraph
    from reconciler.workspace import Workspace

    collect_garbage_rarely()
    workspace = Workspace()
    workspace.desired  # noqa: B018 (reads the file)
    started_at = time.process_time()
    plan = workspace.plan()
    if stage == PLAN:
        return time.process_time() - started_at
    started_at = time.process_time()
    if stage in GRAPHS:
        graph = DependencyGraph(workspace.desired.resources, plan, title=plan.workspace)
        write_pieces(draw_graph(graph, GRAPHS[stage]))
    else:
        print_plan(workspace, plan, Terminal(), **OUTPUTS[stage])  # type: ignore[arg-type]
    return time.process_time() - started_at


def measure_stage(folder: Path, stage: str) -> Measurement:
    """Run a stage in its own process, and measure it. Raises SystemExit if it fails."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.plan_ratios", "--stage", stage],
            cwd=folder,
            env={**environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONHASHSEED": "0"},
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        *_, last_line = log.read().splitlines() or [""]  # the seconds, or an error message
    if process.returncode:
        raise SystemExit(f"{stage}: {last_line}")
    return Measurement(float(last_line), usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def measure_fleet(devices: int, stages: Sequence[str]) -> Mapping[str, Measurement]:
    """Measure stages of a new fleet, and return the measurements by stage."""
    with tempfile.TemporaryDirectory(prefix="reconciler-ratios-") as temporary:
        folder = Path(temporary) / "fleet"
        fleet.write_files(folder, devices)
        fleet.write_desired_state(folder, "embedded")
        return {stage: measure_stage(folder, stage) for stage in stages}


def format_rows(devices: int, measurements: Mapping[str, Measurement]) -> Iterator[tuple[str, ...]]:
    """Yield a table row for each stage, with its ratios to the plan."""
    plan = measurements[PLAN]
    for stage, measurement in measurements.items():
        yield (
            stage,
            f"{devices:,}",
            f"{measurement.seconds:.2f}",
            f"{measurement.peak_bytes / 2**20:,.0f}",
            f"{measurement.seconds / plan.seconds:.2f}",
            f"{measurement.peak_bytes / plan.peak_bytes:.2f}",
        )


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--devices",
        type=int,
        default=DEVICES,
        metavar="N",
        help=f"Devices of the fleet; another one has {GROWTH} times as many (default: {DEVICES}).",
    )
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.stage:
        # In a stage's own process: `measure_stage` reads the seconds from the last line.
        sys.stderr.write(f"\n{run_stage(options.stage)}\n")
        return
    small = measure_fleet(options.devices, STAGES)
    large = measure_fleet(GROWTH * options.devices, (PLAN, "json"))
    rows = [*format_rows(options.devices, small), *format_rows(GROWTH * options.devices, large)]
    sys.stdout.write(f"One run on {describe_machine()}; each stage in its own process.\n\n")
    sys.stdout.write(format_table(COLUMNS, rows, 1) + "\n\n")
    growth = large[PLAN].seconds / small[PLAN].seconds
    sys.stdout.write(f"{GROWTH} times the devices take {growth:.1f} times the CPU to plan.\n")


if __name__ == "__main__":
    main(sys.argv[1:])
