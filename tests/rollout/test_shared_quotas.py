"""A plan warns if environments share an account and Region, but not the process that shares its rates."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from reconciler.render.text.rollout import render_rollout_text
from reconciler.render.views.rollout import list_dangers
from reconciler.rollout import Rollout
from reconciler.rollout.messages import TargetRecord
from reconciler.rollout.results import RolloutPlan
from reconciler.rollout.view import build_rollout_plan_view
from tests.support.rollouts import write_environments

TEXT = (
    "share account 111111111111 in eu-west-1, but run in several processes, each of which uses the full rates; "
    "use one process, or divide the rates with `quotas`"
)


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> RolloutPlan:
    return Rollout(write_environments(tmp_path_factory.mktemp("files"), 3)).plan()


def move(plan: RolloutPlan, accounts: str, workers: str, endpoint: str = "aws") -> RolloutPlan:
    """Return the plan with an account, the digit, and a worker, the letter, for each environment."""
    responses = [
        evolve(
            response,
            worker=worker,
            plan=evolve(response.plan, target=TargetRecord(endpoint, "eu-west-1", account * 12)),
        )
        for response, account, worker in zip(plan.responses, accounts, workers, strict=True)
    ]
    return RolloutPlan(tuple(responses))


@pytest.mark.parametrize(
    ("accounts", "workers", "endpoint", "environments"),
    [
        ("112", "abb", "aws", [("site-1", "site-2")]),
        ("112", "aab", "aws", [("site-1", "site-2")]),  # the apply may choose other workers
        ("112", "aaa", "aws", []),
        ("123", "abc", "aws", []),
        ("112", "abb", "embedded", []),
    ],
)
def test_a_plan_warns_of_rates_that_processes_do_not_share(plan, accounts, workers, endpoint, environments):
    notes = move(plan, accounts, workers, endpoint).notes
    assert [note.environments for note in notes] == environments
    assert {note.text for note in notes} <= {TEXT}


def test_the_warning_is_in_all_forms_of_a_plan(plan):
    view = build_rollout_plan_view(move(plan, "112", "abb"), Path("file.toml"))
    assert list_dangers(view)[-1] == ("site-1, site-2", f"warning: {TEXT}")
    lines = [line.plain for line in render_rollout_text(view, 200)]
    assert lines[lines.index(f"! 2 environments {TEXT}") + 1].strip() == "site-1, site-2"
