"""Measure what short commands cost, as multiples of what they cannot avoid.

    python -m tests.benchmarks.startup

`plan` of the 16 resources of `desired_state.toml` is compared with `import boto3`, and `validate` of the same file with `--help`. The unit
is a million instructions, which valgrind counts nearly without noise; without valgrind, it is a second of processor time, the
minimum of several runs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from tests.benchmarks.contenders import RECONCILER
from tests.benchmarks.report import describe_machine, format_table

ROOT = Path(__file__).parents[2]
IMPORT_BOTO3, HELP, VALIDATE, PLAN = (
    "import boto3",
    "reconciler --help",
    "reconciler validate",
    "reconciler plan",
)
COMMANDS: Mapping[str, Sequence[str]] = {
    IMPORT_BOTO3: (sys.executable, "-c", "import boto3"),
    HELP: (*RECONCILER, "--help"),
    VALIDATE: (*RECONCILER, "validate"),
    PLAN: (*RECONCILER, "plan"),
}
RUNS = 7
"""How many times each command runs without valgrind."""

COLUMNS = ("command", "compared with", "times", "aim")


@frozen
class Comparison:
    """A command, the one that it is compared with, and how many times as expensive it should be at most."""

    command: str
    base: str
    aim: float


COMPARISONS = (Comparison(PLAN, IMPORT_BOTO3, 3.0), Comparison(VALIDATE, HELP, 3.0))


def measure_commands(folder: Path, valgrind: str | None) -> Mapping[str, float]:
    """Return the million instructions or, without valgrind, the processor seconds of each command."""
    write_files(folder)
    costs = {}
    for name, command in COMMANDS.items():
        run(command, folder)  # writes the bytecode, which the measured runs read
        if valgrind:
            costs[name] = count_instructions(command, folder, valgrind) / 1e6
        else:
            costs[name] = min(run(command, folder) for _ in range(RUNS))
    return costs


def write_files(folder: Path) -> None:
    """Copy the desired state of the repository and the files that it names."""
    shutil.copy(ROOT / "desired_state.toml", folder)
    for name in ("pki", "setup_codes"):
        shutil.copytree(ROOT / "notebooks" / name, folder / "notebooks" / name)


def count_instructions(command: Sequence[str], folder: Path, valgrind: str) -> int:
    """Return the number of user-mode instructions of a command."""
    log = folder / "valgrind.log"
    options = ("--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", f"--log-file={log}")
    run((valgrind, *options, *command), folder)
    return parse_instructions(log.read_text())


def parse_instructions(log: str) -> int:
    """Return the number of instructions in the log of cachegrind."""
    match = re.search(r"I\s+refs:\s+([\d,]+)", log)
    if match is None:
        raise SystemExit(f"valgrind counted no instructions:\n{log[-2000:]}")
    return int(match[1].replace(",", ""))


def run(command: Sequence[str], folder: Path) -> float:
    """Run a command with an empty registry, and return its processor seconds.

    Raises SystemExit if it fails.
    """
    shutil.rmtree(folder / ".reconciler", ignore_errors=True)
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ |= {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    process = subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def format_rows(costs: Mapping[str, float], unit: str) -> list[tuple[str, ...]]:
    """Return a row for each comparison."""
    return [
        (
            f"{item.command}: {costs[item.command]:,.4g} {unit}",
            f"{item.base}: {costs[item.base]:,.4g} {unit}",
            f"{costs[item.command] / costs[item.base]:.2f}",
            f"{item.aim:.2f}",
        )
        for item in COMPARISONS
    ]


def main() -> None:
    """Measure all commands and print the table."""
    valgrind = shutil.which("valgrind")
    with tempfile.TemporaryDirectory() as folder:
        costs = measure_commands(Path(folder), valgrind)
    unit = "million instructions" if valgrind else "s"
    table = format_table(COLUMNS, format_rows(costs, unit), text_columns=2)
    sys.stdout.write(f"## Starting a command: {describe_machine()}\n\n{table}\n")


if __name__ == "__main__":
    main()
