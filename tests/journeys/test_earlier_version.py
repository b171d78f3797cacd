"""A project whose registry and journal an earlier version wrote works with the present version."""

from __future__ import annotations

import json
import shutil
from collections import Counter

import pytest

from tests.docs.checkout import ROOT
from tests.support.project_folder import ProjectFolder

STORED_FOLDER = ROOT / "tests" / "corpus" / "earlier_version"
EXPECTED = json.loads((STORED_FOLDER / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def project(tmp_path):
    """Return a copy of the stored folder, with its databases in `.reconciler`, as commands expect."""
    shutil.copytree(STORED_FOLDER, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("stored"))
    shutil.copytree(STORED_FOLDER / "stored", tmp_path / ".reconciler")
    return ProjectFolder(tmp_path)


def test_the_plan_is_empty(project):
    plan = project.run("plan", "--detailed-exitcode")
    assert (plan.exit_code, plan.stderr) == (0, ""), plan.stdout


def test_the_history_lists_every_run(project):
    runs = json.loads(project.run("history", "--json", "--limit", "100").stdout)["runs"]
    assert Counter(run["status"] for run in runs) == EXPECTED["runs_by_status"]
    oldest_first = [(run["workspace"], run["command"], run["status"]) for run in reversed(runs)]
    assert oldest_first == [
        (run["workspace"], run["command"], run["status"]) for run in EXPECTED["runs_oldest_first"]
    ]


def test_a_run_shows_its_steps_and_calls(project):
    oldest = json.loads(project.run("history", "--json", "--limit", "100").stdout)["runs"][-1]
    record = json.loads(project.run("history", oldest["id"], "--json").stdout)
    expected = EXPECTED["runs_oldest_first"][0]
    assert Counter(step["status"] for step in record["steps"]) == expected["steps"]
    assert len(record["calls"]) == expected["calls"]


def test_a_changed_field_is_applied_and_the_next_plan_is_empty(project):
    file = project.path / "desired_state.toml"
    file.write_text(
        file.read_text().replace('description = "Everything in Oslo"', 'description = "All of Oslo"')
    )
    assert project.run("apply", "--yes").exit_code == 0
    assert project.run("plan", "--detailed-exitcode").exit_code == 0
