"""Arguments of the Python API: an error names the argument, its value and what is expected."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from reconciler import Address, Plan, Rollout, SelectionError, Workspace
from reconciler.rollout.displayed import DisplayedRolloutPlan
from tests.support.environments import write_environments
from tests.support.sample_plans import make_sample_plan

AMOUNT = "expected a count such as 50 or a percentage such as 10%, at most 100%"
ADDRESS = "expected kind.name, such as things.pump-7"
PERCENTAGE = "expected a number above 0, at most 100"
SECONDS = "expected a number of seconds, such as 300"
COUNT = "expected a whole number, or None for all"

OF_WORKSPACE: Mapping[str, Callable[[Workspace, Plan], Any]] = {
    f"adopt: 'pump' is not a valid address; {ADDRESS}": lambda workspace, _: workspace.plan(adopt="pump"),
    f"wave: 0 is not a valid percentage; {PERCENTAGE}": lambda workspace, _: workspace.plan(wave=0),
    f"wave: '10%' is not a valid percentage; {PERCENTAGE}": lambda workspace, _: workspace.plan(wave="10%"),
    f"allow['delete']: 'x' is not a valid limit; {AMOUNT}": lambda workspace, _: workspace.plan(
        allow={"delete": "x"}
    ),
    "allow: 'delete' is not valid; expected limits by action, such as {'delete': 50}": lambda workspace, _: (
        workspace.plan(allow="delete")
    ),
    f"percent: nan is not a valid percentage; {PERCENTAGE}": lambda workspace, plan: workspace.waves(
        plan, float("nan")
    ),
    f"address: 'pump' is not a valid address; {ADDRESS}": lambda workspace, _: workspace.show("pump"),
    (
        "service: 's3' is not a valid choice; expected one of 'iot', 'iot-managed-integrations', 'ssm', 'secretsmanager', 'iam', 'lambda', 'kinesis', 'firehose', 'cloudtrail'"
    ): lambda workspace, _: workspace.client("s3"),
    f"lock_timeout: '5m' is not a valid time; {SECONDS}": lambda workspace, plan: workspace.apply(
        plan, lock_timeout="5m"
    ),
    f"timeout_seconds: -1 is not a valid time; {SECONDS}": lambda workspace, _: workspace.wait_for_lease(
        -1, threading.Event()
    ),
    f"limit: -1 is not a valid count; {COUNT}": lambda workspace, _: workspace.history(-1),
    "variables['firmware']: None is not a valid value; expected text, a number or a boolean": lambda *_: (
        Workspace(variables={"firmware": None})
    ),
}

OF_ROLLOUT: Mapping[str, Callable[[Rollout, DisplayedRolloutPlan], Any]] = {
    "wave: '0' is not a valid wave size; expected more than 0, as in 1,10%,50%,100%": lambda rollout, plan: (
        rollout.apply(plan, wave="0")
    ),
    f"wave: '200%' is not a valid wave size; {AMOUNT}": lambda rollout, plan: rollout.panel(
        plan, wave="1,200%"
    ),
    f"max_failures: 'x' is not a valid limit; {AMOUNT}": lambda rollout, plan: rollout.apply(
        plan, max_failures="x"
    ),
    f"max_failures: '-1' is not a valid limit; {AMOUNT}": lambda rollout, plan: rollout.panel(
        plan, max_failures=-1
    ),
    f"lock_timeout: '5m' is not a valid time; {SECONDS}": lambda rollout, plan: rollout.apply(
        plan, lock_timeout="5m"
    ),
    f"allow['replace']: 'x' is not a valid limit; {AMOUNT}": lambda rollout, _: rollout.plan(
        allow={"replace": "x"}
    ),
    f"limit: '5' is not a valid count; {COUNT}": lambda rollout, _: rollout.history("5"),
    "variables['firmware']: [] is not a valid value; expected text, a number or a boolean": lambda *_: (
        Rollout(variables={"firmware": []})
    ),
    "envs: [] is not valid; expected names or globs, or None for all": lambda *_: Rollout(envs=[]),
    "envs: '' is not valid; expected names or globs, or None for all": lambda *_: Rollout(envs=""),
    "envs: [5] is not valid; expected names or globs, or None for all": lambda *_: Rollout(envs=[5]),
    "allow_outside: 'shared' does not exist; expected a folder": lambda *_: Rollout(allow_outside="shared"),
    "allow_outside: 'telemetry.json' is a file; expected a folder": lambda *_: Workspace(
        allow_outside=["telemetry.json"]
    ),
}

EXECUTOR = "an executor of concurrent.futures, or None for threads; a Dask client has one: client.get_executor(pure=False)"
SELECTORS = "an address, a glob or a kind, or several of them"
NAMES = "names or globs of environments"
PLAN, ROLLOUT_PLAN = "the result of Workspace.plan", "the result of Rollout.plan"

OF_WRONG_TYPE: Mapping[tuple[str, str], Callable[[Workspace, Plan, Rollout, DisplayedRolloutPlan], Any]] = {
    ("executor: 'object'", EXECUTOR): lambda _w, _p, rollout, _r: rollout.plan(executor=object()),
    ("executor: 'int'", EXECUTOR): lambda _w, _p, rollout, plan: rollout.apply(plan, executor=4),
    ("executor: 'str'", EXECUTOR): lambda _w, _p, rollout, _r: rollout.drift(executor="local"),
    ("executor: 'list'", EXECUTOR): lambda _w, _p, rollout, _r: rollout.panel(executor=[]),
    ("on_event: 'list'", "a function"): lambda _w, _p, rollout, _r: rollout.plan(on_event=[]),
    ("stop: 'bool'", "a threading.Event"): lambda _w, _p, rollout, plan: rollout.apply(plan, stop=False),
    ("plan: 'str'", ROLLOUT_PLAN): lambda _w, _p, rollout, _r: rollout.apply("digest"),
    ("plan: 'Plan'", ROLLOUT_PLAN): lambda _w, plan, rollout, _r: rollout.panel(plan),
    ("plan: 'DisplayedRolloutPlan'", PLAN): lambda workspace, _p, _r, plan: workspace.apply(plan),
    ("on_outcome: 'list'", "a function"): lambda workspace, plan, *_: workspace.apply(plan, on_outcome=[]),
    ("stop: 'int'", "a threading.Event"): lambda workspace, *_: workspace.wait_for_lease(1, stop=1),
    ("progress: 'bool'", "a function"): lambda workspace, *_: workspace.plan(progress=True),
    ("progress: 'str'", "a function"): lambda workspace, *_: workspace.drift(progress="none"),
    ("address: 'int'", "an address such as 'things.pump-7'"): lambda workspace, *_: workspace.show(7),
    ("id_part: 'int'", "the ID of a run, or a part of one"): lambda workspace, *_: workspace.run(7),
    ("addresses: 'int'", SELECTORS): lambda workspace, plan, *_: workspace.partial_plan(plan, [7]),
    ("adopt: 'int'", SELECTORS): lambda workspace, *_: workspace.plan(adopt=[7]),
    ("select: 'int'", SELECTORS): lambda workspace, *_: workspace.plan(select=7),
    ("exclude: 'NoneType'", SELECTORS): lambda workspace, *_: workspace.drift(exclude=[None]),
    ("select: 'float'", SELECTORS): lambda _w, _p, rollout, _r: rollout.plan(select=7.0),
    ("patterns: 'int'", NAMES): lambda workspace, *_: workspace.select_environments([7]),
    ("patterns: 'NoneType'", NAMES): lambda workspace, *_: workspace.check_environments(None),
    ("names: 'Workspace'", NAMES): lambda workspace, _p, rollout, _r: rollout.narrow([workspace]),
    ("saved: 'Plan'", "a path, or the result of Workspace.read_plan_file"): lambda workspace, plan, *_: (
        workspace.open_plan(plan)
    ),
}


TAKE_PLAN: Mapping[str, tuple[Any, ...]] = {
    "save": ("plan.json",),
    "partial_plan": ((),),
    "rotations": (),
    "waves": (10,),
    "count_unchanged_markers": (),
    "release_stale_lease": (),
    "record_noop_run": (),
}
"""The methods of a workspace whose first argument is a plan → their other arguments."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Change to a folder with a file of several environments."""
    write_environments(tmp_path)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("message", OF_WORKSPACE)
def test_an_invalid_argument_of_a_workspace_is_named_with_what_is_expected(message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the whole message is compared)
        OF_WORKSPACE[message](Workspace(environment="dev"), make_sample_plan())
    assert str(caught.value) == message


@pytest.mark.parametrize("message", OF_ROLLOUT)
def test_an_invalid_argument_of_a_rollout_is_named_with_what_is_expected(message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the whole message is compared)
        OF_ROLLOUT[message](Rollout(), DisplayedRolloutPlan(()))
    assert str(caught.value) == message


@pytest.mark.parametrize(("subject", "expected"), OF_WRONG_TYPE)
def test_an_argument_of_a_wrong_type_is_named_with_what_is_expected(subject, expected):
    call = OF_WRONG_TYPE[subject, expected]
    with pytest.raises(TypeError) as caught:
        call(Workspace(environment="dev"), make_sample_plan(), Rollout(), DisplayedRolloutPlan(()))
    assert str(caught.value) == f"{subject} is not a valid type; expected {expected}"


OF_UNKNOWN_NAME: Mapping[str, Callable[[Workspace, Rollout], Any]] = {
    "'pumps' selects nothing; did you mean '*.pumps'?": lambda workspace, _: workspace.partial_plan(
        workspace.plan(), ["pumps"]
    ),
    "'thing_groups.pump' selects nothing; did you mean 'thing_groups.pumps'?": lambda workspace, _: (
        workspace.partial_plan(workspace.plan(), "thing_groups.pump")
    ),
    "'thing_group' selects nothing; did you mean 'thing_groups'?": lambda workspace, _: workspace.graph(
        "thing_group"
    ),
    "no environment matches 'devv'; did you mean 'dev'?": lambda _, rollout: rollout.narrow("devv"),
    "no environment matches 'stagin'; did you mean 'staging'?": lambda workspace, _: (
        workspace.select_environments("stagin")
    ),
    "no environment matches 'prod-osla'; did you mean 'prod-oslo'?": lambda workspace, _: (
        workspace.check_environments("prod-osla")
    ),
}


@pytest.mark.parametrize("message", OF_UNKNOWN_NAME)
def test_an_argument_that_names_nothing_is_rejected_with_the_closest_name(message):
    with pytest.raises(SelectionError) as caught:
        OF_UNKNOWN_NAME[message](Workspace(environment="dev"), Rollout())
    assert str(caught.value) == message


GROUP = Address("thing_groups", "pumps")


@pytest.mark.parametrize("addresses", ["thing_groups.pumps", ["thing_groups.pump*"], GROUP, iter([GROUP])])
def test_a_partial_plan_takes_texts_and_addresses_alone_or_together(addresses):
    workspace = Workspace(environment="dev")
    plan = workspace.partial_plan(workspace.plan(), addresses)
    assert [str(step.address) for step in plan.steps] == ["thing_groups.pumps"]


def test_a_partial_plan_leaves_out_addresses_that_the_plan_does_not_change():
    workspace = Workspace(environment="dev")
    assert workspace.partial_plan(workspace.plan(), [Address("things", "deleted")]).steps == ()


@pytest.mark.parametrize("names", ["dev", ["d*"], ("dev",)])
def test_environments_are_selected_by_one_name_or_several(names):
    workspace, rollout = Workspace(), Rollout()
    for environments in (
        rollout.narrow(names).environments,
        workspace.select_environments(names).environments,
    ):
        assert [environment.name for environment in environments] == ["dev"]


@pytest.mark.parametrize("method", TAKE_PLAN)
def test_a_method_of_a_workspace_that_takes_a_plan_rejects_anything_else(method):
    with pytest.raises(TypeError) as caught:
        getattr(Workspace(environment="dev"), method)("plan.json", *TAKE_PLAN[method])
    assert str(caught.value) == f"plan: 'str' is not a valid type; expected {PLAN}"
