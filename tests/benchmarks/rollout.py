"""The speed of a rollout over many accounts, on each kind of executor.

    python -m tests.benchmarks.rollout [--accounts N] [--devices N] [--executor NAME]… [--reference-accounts N] [--until STAGE]

Every account is an environment of one file, with the same devices. All accounts are in one `reconciler registry serve --quotas aws`,
which throttles each account on its own, as AWS does. An executor runs in its own process, against an empty registry. It plans all
environments, applies the plans, plans again, and destroys everything. The first plan includes what happens once in a process: imports,
the start of workers, and reading AWS's service models.

The first executor runs one environment after another. `times as fast` compares with it; `of linear` divides that by the number of
environments that the executor runs at the same time. One after another, a hundred accounts of 200 devices take four hours, so
`--reference-accounts` measures fewer of them, and their seconds are multiplied: all accounts have the same devices and quotas.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import msgspec
from attrs import frozen

from reconciler.rollout import Rollout
from reconciler.rollout.driver import THREADS
from reconciler.rollout.messages import TaskResponse
from tests.benchmarks import fleet
from tests.benchmarks.processor_time import read_cpu_seconds, read_tree_cpu_seconds
from tests.benchmarks.report import describe_machine, format_table
from tests.support.registry_server import serve_registry

ENVIRONMENTS = """
[workspace.quotas.iot]
RegisterCertificate = 10

[environments."{account}"]
for_each = { file = "accounts.csv" }
account = "{account}"
"""
"""The environments, and AWS's rate of one operation: with a rate, AWS's quotas are kept from the first call on, as on AWS."""

FIRST_ACCOUNT = 100_000_000_000
PROCESSES = os.cpu_count() or 1
PLAN, APPLY, PLAN_AGAIN, DESTROY = "plan", "apply", "plan again", "destroy"
STAGES = (PLAN, APPLY, PLAN_AGAIN, DESTROY)
SEQUENTIAL = "one after another"
COLUMNS = (
    "executor",
    "stage",
    "seconds",
    "times as fast",
    "of linear",
    "CPU s",
    "CPU s of the registry",
)


@frozen
class Contender:
    """An executor: how it is opened, and how many environments it plans and applies at the same time."""

    open: Callable[[], AbstractContextManager[Executor | None]]
    planned_at_once: int
    applied_at_once: int


@frozen
class Measurement:
    """The seconds of one stage, and the processor seconds of the rollout and of the registry."""

    seconds: float
    cpu_seconds: float
    registry_cpu_seconds: float


def list_contenders() -> Mapping[str, Contender]:
    """Return the executors by name; those of Dask only if it is installed."""
    contenders = {
        SEQUENTIAL: Contender(lambda: ThreadPoolExecutor(1), 1, 1),
        "threads (default)": Contender(nullcontext, THREADS["plan"], THREADS["apply"]),
        f"{PROCESSES} processes": Contender(open_pool, PROCESSES, PROCESSES),
    }
    if find_spec("distributed"):
        for workers, threads in ((1, 8), (PROCESSES, 8)):
            size = f"local:{workers}x{threads}"
            count = workers * threads
            contenders[f"Dask {size}"] = Contender(lambda size=size: open_dask(size), count, count)
    return contenders


def open_pool() -> AbstractContextManager[Executor]:
    return ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"))


def open_dask(size: str) -> AbstractContextManager[Executor]:
    from reconciler.rollout.dask import open_scheduler

    return open_scheduler(size)


def write_files(folder: Path, url: str, accounts: int, devices: int) -> None:
    """Write a desired state with one environment for each account."""
    fleet.write_files(folder, devices)
    fleet.write_desired_state(folder, url)
    with (folder / "desired_state.toml").open("a") as file:
        file.write(ENVIRONMENTS)
    rows = "".join(f"{FIRST_ACCOUNT + number}\n" for number in range(accounts))
    (folder / "accounts.csv").write_text(f"account\n{rows}")


def run_stages(name: str, server_pid: int) -> Iterator[Measurement]:
    """Yield the measurement of each stage of an executor, each of which runs when it is asked for."""
    rollout = Rollout()

    def measure(stage: Callable[[], None]) -> Measurement:
        started_at, own_before, server_before = (
            time.perf_counter(),
            read_tree_cpu_seconds(os.getpid()),
            read_cpu_seconds(server_pid),
        )
        stage()
        return Measurement(
            time.perf_counter() - started_at,
            read_tree_cpu_seconds(os.getpid()) - own_before,
            read_cpu_seconds(server_pid) - server_before,
        )

    with list_contenders()[name].open() as executor:

        def plan(status: str) -> None:
            check(rollout.plan(executor=executor).responses, status)

        def apply(*, destroy: bool = False) -> None:
            plan = rollout.plan(destroy=destroy, executor=executor)
            check(rollout.apply(plan, executor=executor).responses, "applied")

        yield measure(lambda: plan("planned"))
        yield measure(apply)
        yield measure(lambda: plan("unchanged"))
        yield measure(lambda: apply(destroy=True))


def check(responses: Sequence[TaskResponse], status: str) -> None:
    """Raise SystemExit unless all environments have a status."""
    for response in responses:
        if response.status != status:
            failures = response.run.failures if response.run else ()
            raise SystemExit(f"{response.environment}: {response.status}: {response.error or failures}")


def measure_contender(
    name: str, accounts: int, devices: int, stages: Sequence[str]
) -> Mapping[str, Measurement]:
    """Measure the stages of an executor in a new process with an empty registry."""
    with (
        tempfile.TemporaryDirectory(prefix="reconciler-rollout-") as temporary,
        serve_registry("--quotas", "aws") as server,
    ):
        folder = Path(temporary) / "fleet"
        write_files(folder, server.url, accounts, devices)
        environ = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.benchmarks.rollout",
                "--stages",
                name,
                "--server",
                str(server.process.pid),
                "--until",
                stages[-1],
            ],
            cwd=folder,
            env={**environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
        )
        measurements = {}
        assert process.stdout
        for stage, line in zip(stages, process.stdout, strict=False):
            measurements[stage] = msgspec.json.decode(line, type=Measurement)
            sys.stderr.write(f"  {name}: {stage}: {measurements[stage].seconds:.1f} s\n")
        process.stdout.close()
        if process.wait() or len(measurements) < len(stages):
            raise SystemExit(f"{name}: failed")
        return measurements


def scale(measurements: Mapping[str, Measurement], factor: float) -> Mapping[str, Measurement]:
    """Return what the stages would take for more accounts, one after another."""
    return {
        stage: Measurement(
            measurement.seconds * factor,
            measurement.cpu_seconds * factor,
            measurement.registry_cpu_seconds * factor,
        )
        for stage, measurement in measurements.items()
    }


def format_rows(
    measurements: Mapping[str, Mapping[str, Measurement]], accounts: int
) -> Iterator[tuple[str, ...]]:
    """Yield a table row for each stage of each executor; the first executor is the reference."""
    reference = next(iter(measurements.values()))
    for name, stages in measurements.items():
        contender = list_contenders()[name]
        for stage, measurement in stages.items():
            ratio = reference[stage].seconds / measurement.seconds
            is_plan = stage in {PLAN, PLAN_AGAIN}
            at_once = contender.planned_at_once if is_plan else contender.applied_at_once
            yield (
                name,
                stage,
                f"{measurement.seconds:.1f}",
                f"{ratio:.1f}",
                f"{ratio / min(at_once, accounts):.2f}",
                f"{measurement.cpu_seconds:.1f}",
                f"{measurement.registry_cpu_seconds:.1f}",
            )


def main(arguments: Sequence[str]) -> None:
    names = [*list_contenders()]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--accounts", type=int, default=8, metavar="N", help="Accounts, each an environment (default: 8)."
    )
    parser.add_argument(
        "--devices", type=int, default=20, metavar="N", help="Devices in each account (default: 20)."
    )
    parser.add_argument(
        "--executor",
        action="append",
        choices=names,
        help=f"Executor to measure; repeatable (default: all). The first is the reference. {', '.join(names)}.",
    )
    parser.add_argument(
        "--reference-accounts",
        type=int,
        metavar="N",
        help="Accounts of the first executor; its seconds are multiplied (default: all).",
    )
    parser.add_argument(
        "--until",
        choices=STAGES,
        default=DESTROY,
        help=f"Last stage (default: {DESTROY}): {', '.join(STAGES)}.",
    )
    parser.add_argument("--stages", choices=names, help=argparse.SUPPRESS)
    parser.add_argument("--server", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    stages = STAGES[: STAGES.index(options.until) + 1]
    if options.stages:  # in an executor's own process
        for _, measurement in zip(stages, run_stages(options.stages, options.server), strict=False):
            sys.stdout.write(f"{msgspec.json.encode(measurement).decode()}\n")
            sys.stdout.flush()
        return
    reference, *others = options.executor or names
    measured = options.reference_accounts or options.accounts
    measurements = {
        reference: scale(
            measure_contender(reference, measured, options.devices, stages), options.accounts / measured
        )
    }
    for name in others:
        measurements[name] = measure_contender(name, options.accounts, options.devices, stages)
    write = sys.stdout.write
    write(f"{options.accounts} accounts of {options.devices} devices, one run on {describe_machine()}.")
    if measured < options.accounts:
        write(f" {reference}: {measured} of the accounts, multiplied.")
    write("\n\n" + format_table(COLUMNS, [*format_rows(measurements, options.accounts)], 2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
