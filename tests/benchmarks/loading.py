"""Measure the processor time of loading a fleet, as ratios to the work that cannot be avoided.

    python -m tests.benchmarks.loading [--certificates N] [--rows N] [--million]

- **Certificates.** The floor reads the manifest and the PEM files, parses the certificates, hashes them and verifies the CA's signature. The
  first load has no cache of verified certificates. The second one has, so its floor verifies no signatures.
- **Rows.** A thing with four attributes and a reference to a certificate by fingerprint for each row of six columns, from each form of
  manifest. A tenth of the rows shows how the time grows.

A process first loads a small fleet, so that imports and service models are not counted. Floors and loads are measured in turns, and the
least of several is reported. With `--million`, a million rows are loaded once, in a process of their own.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir, closing
from functools import partial
from pathlib import Path

from tests.benchmarks import fleet
from tests.benchmarks.report import describe_machine, format_table

ROUNDS = 3
COLUMNS = ("serial", "fingerprint", "site", "firmware", "batch", "owner")
SOURCES: Mapping[str, str] = {
    "CSV": '{ file = "devices.csv" }',
    "JSON Lines": '{ file = "devices.jsonl" }',
    "SQLite": '{ file = "devices.sqlite3", query = "SELECT * FROM devices" }',
    "Parquet": '{ file = "devices.parquet" }',
}
DESIRED_STATE = """\
[workspace]
name = "fleet"
[policies.connect]
document = {{ file = "policy.json" }}
[thing_groups.meters]
policies = ["connect"]
[thing_types.meter]
[things."meter-{{serial}}"]
for_each = {source}
thing_type = "meter"
thing_groups = ["meters"]
certificates = [{{ id = "{{fingerprint}}" }}]
attributes = {{ site = "{{site}}", firmware = "{{firmware}}", batch = "{{batch}}", owner = "{{owner}}" }}
"""


def measure(run: Callable[[], object]) -> float:
    """Return the processor seconds of a function."""
    started_at = time.process_time()
    run()
    return time.process_time() - started_at


def load_fleet(folder: Path) -> None:
    """Load the fleet in a folder, as a new process does."""
    from reconciler.kinds.shared.verified_certificates import VERIFIED
    from reconciler.workspace import Workspace

    VERIFIED.periods.clear()
    VERIFIED.signatures.clear()
    Workspace(folder / "desired_state.toml").desired  # noqa: B018 (reads the file)


def do_unavoidable_work(folder: Path, *, verifies_signatures: bool) -> None:
    """Do what no load of a fleet with PEM files can leave out."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    ca = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    with chdir(folder), open("devices.csv", newline="") as manifest:  # noqa: PTH123 (the fastest way)
        for row in csv.DictReader(manifest):
            with open(f"pems/{row['name']}.pem", "rb") as file:  # noqa: PTH123 (the fastest way)
                certificate = x509.load_pem_x509_certificate(file.read())
            hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
            if verifies_signatures:
                certificate.verify_directly_issued_by(ca)


def write_certificates(folder: Path, devices: int) -> None:
    fleet.write_files(folder, devices)
    fleet.write_desired_state(folder, "embedded")


def write_rows(folder: Path, rows: int, sources: Sequence[str]) -> None:
    """Write a fleet once for each source, in a folder with its name."""
    values = [
        (f"{number:07}", hashlib.sha256(str(number).encode()).hexdigest(), *_list_attributes(number))
        for number in range(rows)
    ]
    for source in sources:
        (folder / source).mkdir(parents=True)
        (folder / source / "policy.json").write_text(fleet.POLICY)
        (folder / source / "desired_state.toml").write_text(DESIRED_STATE.format(source=SOURCES[source]))
        _WRITERS[source](folder / source, values)


def _list_attributes(number: int) -> tuple[str, str, str, str]:
    return ("oslo", "bergen", "hamar")[number % 3], f"1.{number % 7}", f"batch-{number // 1000}", "acme"


def _write_csv(folder: Path, values: Sequence[tuple[str, ...]]) -> None:
    with (folder / "devices.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *values])


def _write_json_lines(folder: Path, values: Sequence[tuple[str, ...]]) -> None:
    with (folder / "devices.jsonl").open("w") as file:
        file.writelines(f"{json.dumps(dict(zip(COLUMNS, row, strict=True)))}\n" for row in values)


def _write_sqlite(folder: Path, values: Sequence[tuple[str, ...]]) -> None:
    with closing(sqlite3.connect(folder / "devices.sqlite3")) as connection, connection:
        connection.execute(f"CREATE TABLE devices ({', '.join(COLUMNS)})")
        connection.executemany("INSERT INTO devices VALUES (?, ?, ?, ?, ?, ?)", values)


def _write_parquet(folder: Path, values: Sequence[tuple[str, ...]]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    columns = dict(zip(COLUMNS, map(list, zip(*values, strict=True)), strict=True))
    parquet.write_table(pa.table(columns), folder / "devices.parquet")


_WRITERS = {
    "CSV": _write_csv,
    "JSON Lines": _write_json_lines,
    "SQLite": _write_sqlite,
    "Parquet": _write_parquet,
}


def compare_with_floors(folder: Path, devices: int) -> Sequence[Sequence[str]]:
    """Return the seconds of the first and the second load, those of the floor, and the ratios."""
    write_certificates(folder, devices)
    seconds: dict[str, float] = {}

    def record(name: str, run: Callable[[], object]) -> None:
        seconds[name] = min(measure(run), seconds.get(name, float("inf")))

    for _ in range(ROUNDS):
        shutil.rmtree(folder / ".reconciler", ignore_errors=True)
        record("floor with signatures", lambda: do_unavoidable_work(folder, verifies_signatures=True))
        record("first load", lambda: load_fleet(folder))
        record("floor", lambda: do_unavoidable_work(folder, verifies_signatures=False))
        record("second load", lambda: load_fleet(folder))
    return [
        format_ratio(devices, "first load", seconds["first load"], seconds["floor with signatures"]),
        format_ratio(devices, "second load", seconds["second load"], seconds["floor"]),
    ]


def format_ratio(devices: int, name: str, seconds: float, floor: float) -> Sequence[str]:
    return f"{devices:,}", name, f"{seconds:.2f}", f"{floor:.2f}", f"{seconds / floor:.2f}"


def compare_sources(folder: Path, rows: int) -> Sequence[Sequence[str]]:
    """Return the seconds for a tenth of the rows and for all of each form, and their ratio."""
    small, large = folder / "small", folder / "large"
    write_rows(small, rows // 10, [*SOURCES])
    write_rows(large, rows, [*SOURCES])
    table = []
    for source in SOURCES:
        small_seconds = min(measure(partial(load_fleet, small / source)) for _ in range(ROUNDS))
        seconds = min(measure(partial(load_fleet, large / source)) for _ in range(ROUNDS))
        growth = f"{seconds / small_seconds:.2f}"
        table.append((f"{rows:,}", source, f"{small_seconds:.2f}", f"{seconds:.2f}", growth))
    return table


def load_million(rows: int = 1_000_000) -> str:
    """Return the processor seconds and the peak memory of a process that loads very many rows of CSV."""
    with tempfile.TemporaryDirectory(prefix="reconciler-loading-") as folder:
        write_rows(Path(folder), rows, ["CSV"])
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.loading", "--load", str(Path(folder) / "CSV")],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"loading failed with the status {os.waitstatus_to_exitcode(status)}")
    peak_bytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    seconds = usage.ru_utime + usage.ru_stime
    return f"{rows:,} rows of CSV: {seconds:.0f} s of processor time, {peak_bytes / 2**20:,.0f} MiB at most\n"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--certificates", type=int, default=10_000, metavar="N", help="Devices with PEM files."
    )
    parser.add_argument("--rows", type=int, default=100_000, metavar="N", help="Devices with fingerprints.")
    parser.add_argument("--million", action="store_true", help="Load a million rows, too.")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.load:
        load_fleet(options.load)
        return
    with tempfile.TemporaryDirectory(prefix="reconciler-loading-") as temporary:
        folder = Path(temporary)
        write_certificates(folder / "warm-up", 2)
        load_fleet(folder / "warm-up")
        ratios = compare_with_floors(folder / "certificates", options.certificates)
        growth = compare_sources(folder / "rows", options.rows)
    sys.stdout.write(f"Processor seconds on {describe_machine()}; the least of {ROUNDS}.\n\n")
    sys.stdout.write(format_table(("devices", "PEM files", "seconds", "floor", "ratio"), ratios, 2) + "\n\n")
    columns = ("rows", "manifest", "a tenth", "all", "ratio")
    sys.stdout.write(format_table(columns, growth, 2) + "\n")
    if options.million:
        sys.stdout.write(f"\n{load_million()}")


if __name__ == "__main__":
    main(sys.argv[1:])
