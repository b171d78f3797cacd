"""Least times, journal problems and exit codes of many environments."""

from __future__ import annotations

import pytest

from reconciler.cli.exit_codes import get_rollout_code
from reconciler.render.views.plan import build_plan_view
from reconciler.rollout.messages import EnvironmentPlan, EnvironmentRun, TargetRecord, TaskResponse
from reconciler.rollout.results import RolloutPlan, RolloutResult
from tests.support.sample_plans import make_sample_plan


def make_response(name: str, account: str, seconds: float, region: str = "eu-west-1") -> TaskResponse:
    view = build_plan_view(make_sample_plan())
    target = TargetRecord("aws", region, account)
    return TaskResponse(name, "planned", plan=EnvironmentPlan("plant", target, "0", {}, 1, seconds, (), view))


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
