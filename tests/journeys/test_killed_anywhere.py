"""The next apply completes one that was killed at any write; the journal agrees with the registry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.examples import STRESS_FACTOR
from tests.support.killed_applies import parse_output
from tests.support.small_fleet import Fleet, get_secret_variables, replace_salted_hashes

APPLY_WITHOUT_RELEASE = """
import os
from reconciler import Workspace
from reconciler.engine.ownership.lease import _Lease
_Lease.release = lambda lease: os._exit(9)
workspace = Workspace("desired_state.toml")
workspace.apply(workspace.plan())
"""
"""A program that dies after its last step, when it would release the lease."""
WORKSPACE_GROUP = "reconciler-greenhouse"
DEVICES = 20 if STRESS_FACTOR else 6
"""The number of devices; even six keep several workers of an apply busy, with every kind of write."""
SHARES = 2
"""The number of tests among which the kill points are divided, so that they can run at the same time."""
MIN_KILL_POINTS = 8 * DEVICES
"""Two for each of the at least four writes for a device: one before the write and one after it."""


def without_lease(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content without the lease, which is in the attributes of the workspace's group."""
    group = {**content["thing_groups"][WORKSPACE_GROUP], "attributes": {}}
    return {**content, "thing_groups": {**content["thing_groups"], WORKSPACE_GROUP: group}}


@pytest.mark.hypothesis  # `make stress` runs it with more devices
@pytest.mark.parametrize("share", range(SHARES))
def test_an_apply_after_a_killed_one_leaves_what_an_uninterrupted_apply_leaves(memory_folder, share):
    fleet = Fleet.of_size(DEVICES)
    folder = memory_folder / "fleet"
    folder.mkdir()
    fleet.write_files(folder)
    process = subprocess.run(
        [sys.executable, "-m", "tests.support.killed_applies", str(folder), str(share), str(SHARES)],
        env={**os.environ, **get_secret_variables()},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=1200,
    )
    uninterrupted, killed_applies = parse_output(process.stdout)
    expected_content = replace_salted_hashes(uninterrupted.content)
    assert expected_content == json.loads(json.dumps(fleet.make_expected_content()))
    assert len(killed_applies) >= MIN_KILL_POINTS / SHARES
    for apply in killed_applies:
        assert apply.next_exit_code == 0, apply.kill_point
        assert apply.completed.run_status == "applied", apply.kill_point
        assert replace_salted_hashes(apply.completed.content) == expected_content, apply.kill_point
        # The first two writes acquire the lease, before the journal has a run; the last write releases it, after the run ended.
        assert apply.run_status in {None, "crashed", "applied"}, apply.kill_point
        assert apply.run_status is not None or not apply.registered_things, apply.kill_point
        if apply.run_status == "applied":
            assert without_lease(apply.applied_content) == expected_content, apply.kill_point
        # If a creation was answered, the thing exists; if a thing exists, its creation was recorded before it was sent.
        assert set(apply.answered_things) <= set(apply.registered_things) <= set(apply.sent_things), (
            apply.kill_point
        )


def test_an_apply_without_changes_releases_the_lease_of_a_run_that_died_after_its_last_step(folder):
    fleet = Fleet.of_size(2)
    folder.write(fleet)
    dead_process = subprocess.run(
        [sys.executable, "-c", APPLY_WITHOUT_RELEASE],
        cwd=folder.path,
        env={**os.environ, **get_secret_variables()},
        check=False,
    )
    assert dead_process.returncode == 9
    assert folder.read_content()["thing_groups"][WORKSPACE_GROUP]["attributes"]
    folder.apply()
    assert folder.read_content()["thing_groups"][WORKSPACE_GROUP]["attributes"] == {}
    assert folder.read_content() == fleet.make_expected_content()
