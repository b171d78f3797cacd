"""A fleet brought up, left alone, changed and taken down: by Terraform, by a sequential boto3 script, by `reconciler`.

    python -m tests.benchmarks.race [--devices N …] [--runs N] [--latency TIME] [--without NAME …] [--limit S] [--copied]
                                    [--bound N …]

All three are commands of their own, start-up included, against one served registry (on this machine, and in memory unless its fleet is copied there), each in
an account of its own, in turns. Terraform is left out, and that is said, where it is not on the machine. Then the same
fleet under AWS's default quotas, in virtual time: how near `reconciler` comes to the least time that they allow.
"""

from __future__ import annotations

import argparse
import compileall
import itertools
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from tests.benchmarks import bound, copies, fleet, terraform_state
from tests.support import terraform
from tests.support.registry_server import RunningServer, serve_registry

PHASES = ("create", "no-op", "change 1 %", "destroy")
OURS = "reconciler"
RECONCILER = (sys.executable, "-c", "from reconciler.cli.main import main; main()")
FAILED = "-"


@frozen
class Figures:
    """What one phase took: requests, wall and processor seconds, MiB at the most of its largest process.

    One that was stopped because it took too long has not `ended`.
    """

    calls: float
    seconds: float
    processor: float
    memory: float
    ended: bool = True

    def __str__(self) -> str:
        ended = "" if self.ended else " and stopped there"
        took = f"{self.calls:,.0f} calls, {self.processor:.1f} s of CPU, {self.memory:.0f} MiB"
        return f"{self.seconds:.2f} s{ended} ({took})"


@frozen
class Contender:
    """One of the three: the account that it works in, and its command for a phase."""

    name: str
    account: str
    command: Callable[[Path, str, str], Sequence[str]]


def _reconciler(_folder: Path, _url: str, phase: str) -> Sequence[str]:
    words = {"no-op": ("plan", "--detailed-exitcode"), "destroy": ("destroy", "--yes")}
    return (*RECONCILER, *words.get(phase, ("apply", "--yes")))


def _loop(account: str) -> Callable[[Path, str, str], Sequence[str]]:
    return lambda folder, url, phase: (
        *(sys.executable, "-m", "tests.benchmarks.loop"),
        *(str(folder), url, account, phase),
    )


def _terraform(binary: str) -> Callable[[Path, str, str], Sequence[str]]:
    words = {
        "no-op": ("plan", "-detailed-exitcode"),
        "destroy": ("destroy", "-auto-approve"),
    }
    return lambda _folder, _url, phase: (
        *(binary, *words.get(phase, ("apply", "-auto-approve"))),
        *("-no-color", "-input=false"),
    )


def contenders(without: Sequence[str]) -> Iterator[Contender]:
    """Who takes part."""
    tool = terraform.find_terraform()
    if isinstance(tool, terraform.Terraform):
        yield Contender("terraform", "000000000003", _terraform(tool.binary))
    elif "terraform" not in without:
        sys.stderr.write(f"without terraform: {tool}\n")
    yield Contender("boto3 script", "000000000002", _loop("000000000002"))
    yield Contender(OURS, "000000000001", _reconciler)


def run(
    server: RunningServer, contender: Contender, folder: Path, phase: str, limit: float | None = None
) -> Figures:
    """One phase of one contender, for at most `limit` seconds. Raises SystemExit when it did not do what it should."""
    before = calls(server, contender)
    environ = {
        **environment(),
        "AWS_ACCESS_KEY_ID": contender.account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    log = folder / "log.txt"
    begun = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            contender.command(folder, server.url, phase),
            cwd=folder,
            env=environ,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        with _stopped_after(limit, process.pid) as stopped:
            _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    if (code := os.waitstatus_to_exitcode(status)) and not stopped.is_set():
        raise SystemExit(
            f"{contender.name}, {phase}: exit code {code}\n{log.read_text(errors='replace')[-2000:]}"
        )
    unit = 1024**2 if sys.platform == "darwin" else 1024
    counted = calls(server, contender) - before
    return Figures(
        counted, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / unit, ended=not stopped.is_set()
    )


@contextmanager
def _stopped_after(limit: float | None, group: int) -> Iterator[threading.Event]:
    """Kill a process and those that it began when it takes longer than so many seconds; the event tells of it."""
    stopped = threading.Event()

    def stop() -> None:
        stopped.set()
        os.killpg(group, signal.SIGKILL)

    timer = threading.Timer(limit or threading.TIMEOUT_MAX, stop)
    timer.daemon = True
    timer.start()
    try:
        yield stopped
    finally:
        timer.cancel()


def environment() -> Mapping[str, str]:
    """The process's own, as it is where a package was installed, and so compiled."""
    return {
        name: value for name, value in terraform.environment().items() if name != "PYTHONDONTWRITEBYTECODE"
    }


def calls(server: RunningServer, contender: Contender) -> int:
    counted = server.request("GET", "/calls").document
    return sum(count for key, count in counted.items() if key.startswith(contender.account))


def prepared(root: Path, url: str, contender: Contender) -> Path:
    """A folder with the fleet and what points the contender to the server."""
    folder = root / contender.account
    shutil.copytree(root / "fleet", folder)
    fleet.point(folder, url)
    if contender.name == "terraform":
        tool = terraform.find_terraform()
        assert isinstance(tool, terraform.Terraform)
        tool.prepare(folder, url, fleet.TERRAFORM, contender.account)
    return folder


def take(
    devices: int,
    runs: int,
    latency: str | None,
    who: Sequence[Contender],
    limit: float | None = None,
    *,
    copied: bool = False,
) -> Mapping[tuple[str, str], list[Figures]]:
    """All phases of all contenders, on a new server each run, the contenders in turns; no creation if it is `copied`.

    Who does not end a phase within the limit takes no further part in that run, and later runs leave that phase out for
    it.
    """
    taken: dict[tuple[str, str], list[Figures]] = {}
    for number in range(runs):
        out = set[str]()
        with stage(devices, latency, who, copied=copied) as (server, folders):
            for phase, one in itertools.product(PHASES[copied:], who):
                before = taken.setdefault((phase, one.name), [])
                if one.name in out or not all(found.ended for found in before):
                    out.add(one.name)
                    continue
                fleet.write_devices(folders[one.name], devices, changed=phase in PHASES[2:])
                found = run(server, one, folders[one.name], phase, limit)
                before.append(found)
                out |= set() if found.ended else {one.name}
                told = f"{devices:,} devices, run {number + 1} of {runs}: {phase}, {one.name}"
                sys.stderr.write(f"  {told}: {found}\n")
    return {key: found for key, found in taken.items() if found}


@contextmanager
def stage(
    devices: int, latency: str | None, who: Sequence[Contender], *, copied: bool
) -> Iterator[tuple[RunningServer, Mapping[str, Path]]]:
    """A new server and a folder for each; with `copied` each has created one device, and the others were copied from it."""
    with tempfile.TemporaryDirectory(prefix="reconciler-race-") as temporary:
        root = Path(temporary)
        slow = ("--latency", latency) if latency else ()
        kept = ("--db", str(root / "registry.sqlite3")) if copied else ()
        with serve_registry(*slow, *kept) as server:
            fleet.write(root / "fleet", devices)
            folders = {one.name: prepared(root, server.url, one) for one in who}
            if copied:
                populate(server, who, folders, root, devices)
            yield server, folders


def populate(
    server: RunningServer, who: Sequence[Contender], folders: Mapping[str, Path], root: Path, devices: int
) -> None:
    """Give everyone's registry, and Terraform's state, what creating the whole fleet would have left there."""
    names = [*fleet.names(devices)]
    for one in who:
        fleet.write_devices(folders[one.name], 1, changed=False)
        run(server, one, folders[one.name], PHASES[0])
    copies.copy(root / "registry.sqlite3", root / "fleet", names)
    if "terraform" in folders:
        terraform_state.copy(folders["terraform"], names)


def median(found: Sequence[Figures]) -> Figures:
    """Each figure's own median."""
    columns = zip(*((one.calls, one.seconds, one.processor, one.memory) for one in found), strict=True)
    return Figures(*map(statistics.median, columns), ended=all(one.ended for one in found))


COLUMNS = ("devices", "phase", "contender", "calls", "seconds", "times ours", "CPU s", "peak MiB")


def rows(
    devices: int, taken: Mapping[tuple[str, str], list[Figures]], who: Sequence[Contender]
) -> Iterator[tuple[str, ...]]:
    """A row a phase and contender; of one that was stopped, what it took at the least."""
    for phase, one in itertools.product(PHASES, who):
        if (phase, one.name) not in taken:
            continue
        own, found = median(taken[phase, OURS]), median(taken[phase, one.name])
        more = "" if found.ended else "> "
        yield (
            *(f"{devices:,}", phase, one.name, f"{found.calls:,.0f}", f"{more}{found.seconds:.2f}"),
            *(f"{more}{found.seconds / own.seconds:.1f}", f"{found.processor:.1f}", f"{found.memory:.0f}"),
        )


def table(columns: Sequence[str], lines: Sequence[Sequence[str]], texts: int) -> str:
    """Markdown, the first `texts` columns to the left, lined up for who reads it as it is."""
    whole = [columns, *lines]
    widths = [max(map(len, column)) for column in zip(*whole, strict=True)]
    rule = ["-" * width if place < texts else "-" * (width - 1) + ":" for place, width in enumerate(widths)]
    told = (
        [
            cell.ljust(width) if place < texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        for line in (columns, rule, *lines)
    )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in told)


def machine() -> str:
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--devices", type=int, action="append", metavar="N", help="100 and 1,000; may be given again"
    )
    parser.add_argument("--runs", type=int, default=3, metavar="N")
    parser.add_argument("--latency", metavar="TIME", help="of every answer, as `registry serve` takes it")
    parser.add_argument(
        "--without", action="append", default=[], metavar="NAME", help="a contender that stays out"
    )
    parser.add_argument(
        "--bound", type=int, action="append", metavar="N", help="devices under AWS's quotas; 1,000"
    )
    parser.add_argument("--limit", type=float, metavar="S", help="seconds after which a phase is stopped")
    parser.add_argument(
        "--copied", action="store_true", help="all but creation, of a fleet that is copied there"
    )
    given = parser.parse_args(words)
    who = [one for one in contenders(given.without) if one.name not in given.without]
    for package in ("reconciler", "tests/benchmarks"):
        compileall.compile_dir(Path(__file__).parents[2] / package, quiet=1)
    lines: list[tuple[str, ...]] = []
    for devices in given.devices or (100, 1000):
        taken = take(devices, given.runs, given.latency, who, given.limit, copied=given.copied)
        lines += rows(devices, taken, who)
    latency = f", {given.latency} added to every answer" if given.latency else ""
    say = sys.stdout.write
    say(f"Medians of {given.runs} on {machine()}{latency}; commands whole, start-up included.\n\n")
    say(table(COLUMNS, lines, 3) + "\n\n")
    say("Under AWS's default quotas, in virtual time:\n\n")
    say(table(bound.COLUMNS, [line for n in given.bound or (1000,) for line in bound.rows(n)], 2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
