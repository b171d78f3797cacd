"""Selectors in a rollout: each must select something in at least one environment."""

from __future__ import annotations

import pytest

from reconciler import Rollout, SelectionError
from tests.support.environments import write_environments

RIG = """
[things.rig]
environments = ["dev", "staging"]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Change to a folder with a resource that only two of four environments have."""
    write_environments(tmp_path, RIG)
    monkeypatch.chdir(tmp_path)


def get_statuses(result):
    return {response.environment: response.status for response in result.responses}


def test_an_environment_without_the_selected_resource_is_unchanged_and_named():
    plan = Rollout().plan(select="things.rig")
    changed, unchanged = dict.fromkeys(("dev", "staging"), "planned"), ("prod-oslo", "prod-rome")
    assert get_statuses(plan) == {**changed, **dict.fromkeys(unchanged, "unchanged")}
    assert [(note.environments, note.text) for note in plan.notes] == [
        (unchanged, "had no match for the selector 'things.rig'")
    ]


def test_an_apply_leaves_an_environment_without_the_selected_resource_alone():
    rollout = Rollout(envs=["dev", "prod-oslo"])
    result = rollout.apply(rollout.plan(select="things.rig"))
    assert get_statuses(result) == {"dev": "applied", "prod-oslo": "unchanged"}
    drift = rollout.drift(select="things.rig")
    assert get_statuses(drift) == {"dev": "unchanged", "prod-oslo": "unchanged"}


def test_excluding_what_only_some_environments_have_plans_all_without_a_note():
    plan = Rollout(envs=["dev", "prod-oslo"]).plan(exclude="things.rig")
    assert get_statuses(plan) == {"dev": "planned", "prod-oslo": "planned"}
    assert plan.notes == []


@pytest.mark.parametrize(
    ("envs", "options", "message"),
    [
        ("*", {"select": ["things.rib", "policies"]}, "'things.rib' selects nothing in any of 4 environments; did you mean 'things.rig'?"),
        ("*", {"exclude": ["things.rib"]}, "'things.rib' selects nothing in any of 4 environments; did you mean 'things.rig'?"),
        ("prod-*", {"select": ["things"]}, "'things' selects nothing in any of 2 environments: there are no things"),
        ("dev", {"select": ["thing.rig"]}, "'thing.rig' selects nothing; did you mean 'things.rig'?"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["plan", "drift"])
def test_a_selector_that_selects_nothing_in_any_environment_is_one_error(method, envs, options, message):
    with pytest.raises(SelectionError) as caught:
        getattr(Rollout(envs=envs), method)(**options)
    assert caught.value.problems == (message,)


def test_a_selector_without_a_match_is_named_while_an_environment_cannot_be_planned(tmp_path):
    write_environments(tmp_path, RIG, '[things.broken]\nenvironments = ["staging"]\nthing_type = "x"\n')
    plan = Rollout().plan(select="things.rib")
    assert get_statuses(plan)["staging"] == "failed"
    assert plan.notes[0].environments == ("dev", "prod-oslo", "prod-rome")
