"""Least times, exit codes and runs of many environments."""

from __future__ import annotations

import datetime

import pytest
from attrs import evolve

from reconciler.cli.exit_codes import get_rollout_code
from reconciler.model.plan import Target
from reconciler.model.resource import Origin
from reconciler.model.run import History
from reconciler.model.settings import Environment, Settings
from reconciler.render.views.plan import build_plan_view
from reconciler.rollout.history import group_runs
from reconciler.rollout.messages import EnvironmentPlan, EnvironmentRun, TargetRecord, TaskResponse
from reconciler.rollout.results import RolloutPlan, RolloutResult
from tests.support.sample_plans import make_sample_plan
from tests.support.sample_runs import make_sample_run

NOON = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)
RUN = make_sample_run("plant", "aws · 111111111111 · eu-west-1", NOON)


def make_response(name: str, account: str, seconds: float, region: str = "eu-west-1") -> TaskResponse:
    view = build_plan_view(make_sample_plan())
    target = TargetRecord("aws", region, account)
    return TaskResponse(name, "planned", plan=EnvironmentPlan("plant", target, "0", {}, 1, seconds, (), view))


def make_environment(name: str, /, **settings: str) -> Environment:
    return Environment(
        name, Settings(**{"name": "plant", "target": "aws", **settings}), {}, (), (), Origin("a.toml", 1)
    )


def test_the_least_times_of_one_account_and_region_add_up_and_others_run_side_by_side():
    responses = (
        make_response("a", "1", 30),
        make_response("b", "1", 40),
        make_response("c", "1", 50, region="us-east-1"),
        make_response("d", "2", 60),
    )
    assert RolloutPlan(responses).seconds == 70
    assert RolloutPlan(()).seconds == 0


def test_a_problem_of_several_journals_is_reported_once_with_the_environments():
    run = EnvironmentRun({}, 1.0, journal_problem="disk full")
    responses = tuple(TaskResponse(name, "applied", run=run) for name in ("a", "b"))
    assert RolloutResult(responses, record_problem="x: read-only").journal_problems == [
        "a, b: disk full",
        "x: read-only",
    ]


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ((), 0),
        (("applied", "unchanged", "planned", "drifted", "blocked"), 0),
        (("applied", "rejected", "rejected"), 3),
        (("rejected", "failed"), 1),
        (("rejected", "stopped"), 1),
    ],
)
def test_the_exit_code_of_many_environments_is_3_only_if_all_failures_are_rejections(statuses, code):
    assert get_rollout_code(statuses) == code


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
