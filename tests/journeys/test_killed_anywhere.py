"""An apply that is killed at any write at all is completed by the next, and the journal tells the truth about both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.small_fleet import Fleet, environ, masked

DYING = """
import os
from reconciler import Workspace
from reconciler.engine.ownership.lease import _Lease
_Lease.release = lambda lease: os._exit(9)
workspace = Workspace("desired_state.toml")
workspace.apply(workspace.plan())
"""
SHARES = 4
"""Processes that share the kills among them, where there are processors for them."""


@pytest.mark.parametrize("share", range(SHARES))
def test_whatever_write_kills_it_the_next_run_leaves_what_one_clean_run_leaves(tmp_path, share):
    fleet = Fleet.of(20)
    folder = tmp_path / "fleet"
    folder.mkdir()
    fleet.write(folder)
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.killed_applies", str(folder), str(share), str(SHARES)],
        env={**os.environ, **environ()},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    clean, *kills = map(json.loads, run.stdout.splitlines())
    assert masked(clean["content"]) == json.loads(json.dumps(fleet.content()))
    assert len(kills) >= 80 / SHARES
    for found in kills:
        killed, completed = found["killed"], found["completed"]
        things = [f"things.{name}" for name in sorted(killed["content"]["things"])]
        assert found["ended"] == 0, found["number"]
        assert masked(completed["content"]) == clean["content"], found["number"]
        # The first write takes the lease, before there is a run to tell of, and the last gives it back, after its end.
        assert killed["status"] in {None, "crashed", "applied"}, found["number"]
        assert killed["status"] is not None or not killed["content"]["things"], found["number"]
        assert killed["status"] != "applied" or killed["content"] == completed["content"], found["number"]
        assert completed["status"] == "applied", found["number"]
        # What was answered is there, and what is there was noted before it was sent.
        assert set(killed["answered"]) <= set(things) <= set(killed["begun"]), found["number"]


def test_one_that_died_with_everything_done_has_its_lease_taken_away_by_an_apply_of_nothing(folder):
    fleet = Fleet.of(2)
    folder.write(fleet)
    died = subprocess.run(
        [sys.executable, "-c", DYING], cwd=folder.path, env={**os.environ, **environ()}, check=False
    )
    assert died.returncode == 9
    group = "reconciler-greenhouse"
    assert folder.content()["thing_groups"][group]["attributes"]
    folder.apply()
    assert folder.content()["thing_groups"][group]["attributes"] == {}
    assert folder.content() == fleet.content()
