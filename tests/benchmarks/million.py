"""Measure the load of a very large fleet, the plan that creates it, and a plan without changes.

    python -m tests.benchmarks.million [--devices N] [--stage NAME]…

A device is a thing with a reference to its certificate by fingerprint, in a row of CSV. Another process serves the registry, which
contains all certificates and, for the plan without changes, all things, copied from the first one. That plan reads the edges that may
have changed; earlier runs have read those of all things. Each stage runs in a new process, whose processor time and peak memory are shown; the registry's are not part of them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from reconciler.engine.remembered.cache import CacheScope, ReadingCache
from reconciler.workspace import Workspace
from tests.benchmarks.registry_copies import copy_device
from tests.benchmarks.report import describe_machine, format_table
from tests.support.registry_server import RunningServer, serve_registry
from tests.support.virtual_nights import (
    DESIRED_STATE,
    WORKSPACE,
    build_name,
    compute_fingerprint,
    copy_reading,
    issue_first_certificate,
    write_manifest,
)

COLUMNS = ("stage", "devices", "CPU s", "peak MiB", "result")
ACCOUNTS: Mapping[str, str] = {"load": "1" * 12, "create": "1" * 12, "no-op": "2" * 12}
"""The account of each stage. The first one has only the certificates."""


def load(workspace: Workspace) -> str:
    """Load the fleet."""
    return f"{len(workspace.desired.resources):,} resources"


def plan_to_create(workspace: Workspace) -> str:
    """Plan to create the fleet."""
    return f"{len(workspace.plan().steps):,} steps"


def plan_without_changes(workspace: Workspace) -> str:
    """Plan the fleet, which is as the file declares it, with the edges that earlier runs read."""
    plan = workspace.plan(read="changed")
    assert plan.edges
    return f"{len(plan.steps):,} steps, {plan.edges.summary}"


STAGES: Mapping[str, Callable[[Workspace], str]] = {
    "load": load,
    "create": plan_to_create,
    "no-op": plan_without_changes,
}


def prepare_folder(root: Path, server: RunningServer, account: str, devices: int) -> None:
    """Write the files of a workspace, and register the first device's certificate in its account."""
    folder = root / account
    folder.mkdir()
    target = f'[workspace]\ntarget = "{server.url}"\nregion = "eu-west-1"'
    (folder / "desired_state.toml").write_text(DESIRED_STATE.replace("[workspace]", target))
    write_manifest(folder, devices)
    client = server.create_client(account=account)
    client.register_certificate_without_ca(certificatePem=issue_first_certificate(), status="ACTIVE")


def apply_fleet(root: Path, server: RunningServer, account: str, devices: int) -> None:
    """Apply the first device and read its edges, and copy both for all others."""
    folder = root / account
    write_manifest(folder, 1)
    os.environ.update(build_environ(account))
    workspace = Workspace(folder)
    assert workspace.apply(workspace.plan()).ok
    time.sleep(2)  # no reading is kept of the second in which an apply ends
    assert not workspace.plan(read="changed")
    write_manifest(folder, devices)
    desired = Workspace(folder).desired
    first, *copies = [(build_name(number), compute_fingerprint(number)) for number in range(devices)]
    scope = CacheScope(WORKSPACE, workspace.connection.target)
    with closing(ReadingCache(folder / ".reconciler" / "readings", scope)) as readings:
        copy_reading(readings, desired, first, copies)
    copy_device(root / "registry.sqlite3", (*first, ""), ((*copy, "") for copy in copies))


def build_environ(account: str) -> Mapping[str, str]:
    """Return the environment variables of an account's workspace."""
    return {**os.environ, "AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": "test"}


def measure_stages(root: Path, devices: int, stages: Sequence[str]) -> Iterator[Sequence[str]]:
    """Serve the fleet from files in a folder, and yield the table row of each stage."""
    with serve_registry("--db", str(root / "registry.sqlite3")) as server:
        for account in sorted({*ACCOUNTS.values()}):
            prepare_folder(root, server, account, devices)
        apply_fleet(root, server, ACCOUNTS["no-op"], devices)
        for stage in stages:
            yield measure_stage(root / ACCOUNTS[stage], stage, devices)


def measure_stage(folder: Path, stage: str, devices: int) -> Sequence[str]:
    """Run a stage in a new process, and return its table row."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.million", "--folder", str(folder), "--stage", stage],
        env={**build_environ(ACCOUNTS[stage]), "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    result = process.stdout.read().decode().strip()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{stage} failed with the status {os.waitstatus_to_exitcode(status)}")
    peak_bytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    seconds = usage.ru_utime + usage.ru_stime
    return stage, f"{devices:,}", f"{seconds:.0f}", f"{peak_bytes / 2**20:,.0f}", result


def run_stage(folder: Path, stage: str) -> str:
    """Run a stage in this process, with the settings of the command, and return its result."""
    from reconciler.cli.main import collect_garbage_rarely

    collect_garbage_rarely()
    return STAGES[stage](Workspace(folder))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--stage", action="append", choices=[*STAGES], help="A stage to run; repeatable (default: all)."
    )
    parser.add_argument(
        "--devices", type=int, default=1_000_000, metavar="N", help="Devices (default: 1000000)."
    )
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    stages = options.stage or [*STAGES]
    if options.folder:
        sys.stdout.write(run_stage(options.folder, stages[0]))
        return
    rows = []
    with tempfile.TemporaryDirectory(prefix="reconciler-million-") as temporary:
        for row in measure_stages(Path(temporary), options.devices, stages):
            rows.append(row)
            sys.stderr.write(f"  {dict(zip(COLUMNS, row, strict=True))}\n")
    sys.stdout.write(f"One run on {describe_machine()}; start-up included.\n\n")
    sys.stdout.write(format_table(COLUMNS, rows, 1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
