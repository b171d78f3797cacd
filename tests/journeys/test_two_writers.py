"""Two processes apply files that contradict each other: one at a time does, and the other is told by whom it is kept out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.registry_client import Cloud
from tests.support.small_fleet import Fleet, environ, masked

ROUNDS = 50


def test_of_two_that_contend_a_hundred_times_one_writes_at_a_time(tmp_path):
    sites = ("oslo", "bergen")
    fleets = {}
    for site in sites:
        fleet = Fleet.of(4)
        for name in fleet.devices:
            fleet = fleet.having(name, site=site)
        (tmp_path / site).mkdir()
        fleet.write(tmp_path / site)
        fleets[site] = fleet
    registry = tmp_path / "registry.sqlite3"
    variables = {**os.environ, **environ(), "RECONCILER_REGISTRY": str(registry)}
    writers = {
        site: subprocess.Popen(
            [sys.executable, "-m", "tests.support.concurrent_writer", str(tmp_path / site), str(ROUNDS)],
            env=variables,
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for site in sites
    }
    told = {site: writer.communicate(timeout=300) for site, writer in writers.items()}
    assert {site: err for site, (_, err) in told.items()} == dict.fromkeys(sites, "")
    words = {line for out, _ in told.values() for line in out.splitlines()}
    held = {word for word in words if re.fullmatch(r"locked: \S+@\S+ \(process \d+\)", word)}
    assert words - held <= {"applied", "stale", "refused"}
    assert {"applied"} <= words
    assert held
    assert masked(Cloud(registry).content()) in [masked(fleet.content()) for fleet in fleets.values()]
