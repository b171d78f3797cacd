"""Two processes apply contradictory files: one writes at a time, and errors name the lease holder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.registry_client import Cloud
from tests.support.small_fleet import Fleet, get_secret_variables, replace_salted_hashes

ROUNDS = 50
"""The number of plans that each writer makes."""
ROOT = Path(__file__).parents[2]


def fleet_at(site: str) -> Fleet:
    fleet = Fleet.of_size(4)
    for name in fleet.devices:
        fleet = fleet.with_changes(name, site=site)
    return fleet


def test_two_contending_writers_write_one_at_a_time(tmp_path):
    registry_path = tmp_path / "registry.sqlite3"
    environ = {**os.environ, **get_secret_variables(), "RECONCILER_REGISTRY": str(registry_path)}
    fleets = {site: fleet_at(site) for site in ("oslo", "bergen")}
    writers = {}
    for site, fleet in fleets.items():
        folder = tmp_path / site
        folder.mkdir()
        fleet.write_files(folder)
        writers[site] = subprocess.Popen(
            [sys.executable, "-m", "tests.support.concurrent_writer", str(folder), str(ROUNDS)],
            env=environ,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    outputs = {site: writer.communicate(timeout=300) for site, writer in writers.items()}
    assert {site: stderr for site, (_, stderr) in outputs.items()} == dict.fromkeys(fleets, "")
    results = {line for stdout, _ in outputs.values() for line in stdout.splitlines()}
    locked = {result for result in results if re.fullmatch(r"locked: \S+@\S+ \(process \d+\)", result)}
    assert results - locked <= {"applied", "stale", "rejected"}
    assert "applied" in results
    assert locked
    content = replace_salted_hashes(Cloud(registry_path).read_content())
    assert content in [fleet.make_expected_content() for fleet in fleets.values()]
