"""The runs of many environments, in Python and on the command line."""

from __future__ import annotations

import datetime
import json

import pytest
from attrs import evolve
from click.testing import CliRunner
from IPython.core.interactiveshell import InteractiveShell

from reconciler import Rollout
from reconciler.cli.main import cli
from reconciler.model.plan import Target
from reconciler.model.resource import Origin
from reconciler.model.run import History
from reconciler.model.settings import Environment, Settings
from reconciler.render.json.history_file import history_to_json
from reconciler.rollout.displayed import DisplayedRolloutHistory
from reconciler.rollout.history import group_runs
from tests.support.environments import ENVIRONMENTS, write_environments
from tests.support.html_reader import HtmlReader
from tests.support.sample_runs import make_sample_run

NOON = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)
RUN = make_sample_run("plant", "aws · 111111111111 · eu-west-1", NOON)


def make_environment(name: str, /, **settings: str) -> Environment:
    return Environment(
        name, Settings(**{"name": "plant", "target": "aws", **settings}), {}, (), (), Origin("a.toml", 1)
    )


def invoke(*words: str) -> str:
    return CliRunner(env={"NO_COLOR": "1", "COLUMNS": "110"}).invoke(cli, words).stdout


def test_the_history_in_python_is_what_the_command_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_environments(tmp_path)
    dev = Rollout(envs="dev")
    assert dev.apply(dev.plan()).ok
    history = Rollout().history()
    assert [(item.environment, len(item.runs)) for item in history.environments] == [
        (name, int(name == "dev")) for name in ENVIRONMENTS
    ]
    shown = json.loads(invoke("history", "--all-envs", "--json"))
    assert json.loads(json.dumps(history_to_json(history))) == shown
    assert repr(history).splitlines() == invoke("history", "--all-envs").splitlines()
    assert dev.history(limit=0).environments[0].runs == ()


def test_a_cell_shows_the_runs_of_each_environment_and_who_has_none():
    environments = [make_environment("<dev>"), make_environment("prod", name="other")]
    grouped = group_runs(environments, {}, History((RUN,), problem="disk <full>"))
    history = DisplayedRolloutHistory.from_value(grouped)
    data = InteractiveShell.instance().display_formatter.format(history)[0]
    assert sorted(data) == ["text/html", "text/plain"]
    assert data["text/plain"].splitlines()[0] == f"<dev>  plant · {RUN.target}"
    lines = [line.strip() for line in HtmlReader(data["text/html"]).lines if line.strip()]
    assert lines[:2] == ["<dev>", f"plant · {RUN.target}"]
    assert lines[-2:] == ["No runs in prod", "warning some runs cannot be read in full: disk <full>"]


@pytest.mark.parametrize(
    ("environment", "target", "is_of_it"),
    [
        (make_environment("a"), "aws · 111111111111 · eu-west-1", True),
        (make_environment("a"), "aws · 222222222222 · eu-west-1", False),
        (make_environment("a"), None, True),
        (make_environment("a", region="eu-west-1"), None, True),
        (make_environment("a", region="us-east-1"), None, False),
        (make_environment("a", account="222222222222"), None, False),
        (make_environment("a", target="embedded"), None, False),
        (make_environment("a", name="garden"), "aws · 111111111111 · eu-west-1", False),
    ],
)
def test_a_run_belongs_to_the_environment_with_its_workspace_and_target(environment, target, is_of_it):
    targets = {environment.name: target} if target else {}
    (history,) = group_runs([environment], targets, History((RUN,))).environments
    assert history.runs == ((RUN,) if is_of_it else ())


def test_the_limit_is_for_the_runs_of_each_environment():
    runs = tuple(evolve(RUN, id=f"r{number}") for number in range(3))
    environments = [make_environment("a"), make_environment("b")]
    grouped = group_runs(environments, {}, History(runs), limit=2)
    assert [[run.id for run in history.runs] for history in grouped.environments] == [["r0", "r1"]] * 2


def test_a_target_is_written_as_a_run_records_it():
    assert str(Target("aws", "eu-west-1", "111111111111")) == RUN.target
