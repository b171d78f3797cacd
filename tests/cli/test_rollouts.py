"""Commands that work on many environments: one plan, one digest, one exit code."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Mapping

import jsonschema
import pytest
from click.testing import CliRunner

from reconciler.cli.main import cli
from reconciler.cli.rollout_progress import RolloutLines
from reconciler.render.json.schemas import OUTPUTS, build_output_schema
from reconciler.rollout.messages import TaskResponse
from reconciler.workspace import Workspace
from reconciler.workspace_runs import WorkspaceRuns
from tests.support.environments import (
    ENVIRONMENTS,
    OPEN_POLICY,
    count_thing_groups,
    hold_lease_of,
    write_environments,
)

FULL_WILDCARD = "allows every action on every resource [policy-full-wildcard]"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Run a rollout in which one environment is locked at first, and return the result of each command."""
    folder = tmp_path_factory.mktemp("rollout")
    write_environments(folder, OPEN_POLICY)
    commands = {
        "text": "plan --all-envs --detailed-exitcode --summary summary.md",
        "json": "plan --all-envs --format json",
        "jsonl": "plan --env prod-o* --format jsonl",
        "html": "plan --all-envs --format html",
        "drift-json": "drift --all-envs --format json",
        "drift-jsonl": "drift --env prod-o* --format jsonl",
        "locked": "apply --all-envs --yes --format jsonl",
        "retry": "apply --all-envs --yes --retry-failed --summary retry.md",
        "again": "apply --all-envs --yes --retry-failed",
        "unchanged": "apply --env prod-o* --yes",
        "drift": "drift --all-envs",
        "history": "history --all-envs --json",
        "valid": "validate --all-envs",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("NO_COLOR", "1")
        patch.setenv("COLUMNS", "80")
        results = {}
        for name, command in commands.items():
            if name == "locked":
                with hold_lease_of("staging"):
                    results[name] = CliRunner().invoke(cli, command.split())
            else:
                results[name] = CliRunner().invoke(cli, command.split())
        summaries = {path.name: path.read_text() for path in folder.glob("*.md")}
    return results, summaries


@pytest.fixture
def run_in_environments(run, tmp_path):
    """Return `run` for a folder with environments, in which nothing is applied yet."""
    write_environments(tmp_path)
    return run


def check_schema(output: str, document: object) -> None:
    jsonschema.Draft202012Validator(build_output_schema(output)).validate(document)


def mask(text: str) -> str:
    """Remove what differs from run to run: digests and durations."""
    return re.sub(r"\d+(\.\d+)? s\b", "0 s", re.sub(r"\b[0-9a-f]{12}\b", "<digest>", text))


def test_alike_plans_are_shown_once_and_the_warning_of_one_environment_stands_out(outputs):
    result = outputs[0]["text"]
    assert result.exit_code == 2
    lines = mask(result.stdout).splitlines()
    assert lines[:6] == [
        "Plan for 4 environments of desired_state.toml",
        "plan <digest> · 3 of 4 alike",
        "",
        "~ 3 environments like staging",
        "    staging, prod-oslo, prod-rome",
        "    3 to create · 3 calls each",
    ]
    assert "             attributes.firmware  1.0 (prod-oslo, prod-rome), 1.1 (staging)" in lines
    start = lines.index("~ dev")
    assert lines[start + 2] == "    4 to create · 4 calls · 1 warning"
    assert lines[-2:] == [
        "Plan: 13 to create in 4 environments: 4 with changes",
        "13 API calls, at least 0 s under AWS quotas",
    ]
    assert max(map(len, lines)) <= 80


def test_the_markdown_names_the_warning_before_the_folded_details(outputs):
    _, summaries = outputs
    before_fold = mask(summaries["summary.md"].partition("<details>")[0]).splitlines()
    assert before_fold == [
        "<!-- reconciler rollout-plan desired_state.toml -->",
        "### Plan for 4 environments of `desired_state.toml`: 13 to create",
        "",
        "plan `<digest>` · 3 of 4 alike · 13 API calls, at least 0 s under AWS quotas",
        "",
        "| Environments | Status | Changes | Calls | Least time | Warnings |",
        "| --- | --- | --- | --: | --: | --: |",
        "| 3 like `staging` | planned | 3 to create | 3 each | 0 s each | 0 |",
        "| `dev` | planned | 4 to create | 4 | 0 s | 1 |",
        "",
        "**Deletions, replacements and warnings**",
        "",
        "```text",
        f"dev: warning: policies.open: document.Statement[0]: {FULL_WILDCARD} (desired_state.toml:24)",
        "```",
        "",
    ]


def test_the_json_of_plans_and_drift_follows_the_schemas_and_has_every_call(outputs):
    results, _ = outputs
    document = json.loads(results["json"].stdout)
    check_schema("rollout-plan", document)
    assert document["groups"] == [["staging", "prod-oslo", "prod-rome"], ["dev"]]
    assert [environment["environment"] for environment in document["environments"]] == list(ENVIRONMENTS)
    operations = {
        call["operation"]
        for environment in document["environments"]
        for change in environment["changes"]
        for call in change["calls"]
    }
    assert operations == {"CreatePolicy", "CreateThingGroup"}
    drift = json.loads(results["drift-json"].stdout)
    check_schema("rollout-drift", drift)
    assert (results["drift-json"].exit_code, drift["counts"]["missing"]) == (2, 9)
    for output in ("jsonl", "drift-jsonl"):
        schema = "rollout-plan-line" if output == "jsonl" else "rollout-drift-line"
        first, *others = map(json.loads, results[output].stdout.splitlines())
        for line in (first, *others):
            check_schema(schema, line)
        assert (first["environments"], len(others)) == (1, 1)


def test_the_page_has_every_environment_and_no_unescaped_placeholder(outputs):
    page = outputs[0]["html"].stdout
    assert page.startswith("<!doctype html>")
    assert all(f"<code>{name}</code>" in page for name in ENVIRONMENTS)
    assert "arn:aws:iot:{aws.region}:{aws.account}:topic/pumps" in page


def test_a_locked_environment_stops_those_after_it_and_the_events_have_the_reason(outputs):
    result = outputs[0]["locked"]
    assert result.exit_code == 3
    events = list(map(json.loads, result.stdout.splitlines()))
    for event in events:
        check_schema("rollout-event", event)
    assert events[0]["environments"] == list(ENVIRONMENTS)
    ends = {event["environment"]: event for event in events if event["event"] == "environment-end"}
    assert {name: event["status"] for name, event in ends.items()} == {
        "dev": "applied",
        "staging": "rejected",
        "prod-oslo": "blocked",
        "prod-rome": "blocked",
    }
    assert ends["prod-oslo"]["error"] == "staging failed"
    assert events[-1] | {"time": "", "seconds": 0} == {
        "event": "end",
        "time": "",
        "ok": False,
        "seconds": 0,
        "statuses": {"applied": 1, "rejected": 1, "blocked": 2},
    }


def test_a_retry_applies_only_the_environments_that_did_not_succeed(outputs):
    results, summaries = outputs
    assert results["retry"].exit_code == 0
    assert mask(results["retry"].stdout).splitlines()[-5:] == [
        "",
        "✔ 3 environments applied",
        "    staging, prod-oslo, prod-rome",
        "",
        "Apply complete: 3 environments: 3 applied in 0 s",
    ]
    assert mask(results["retry"].stderr).splitlines()[1] == "✔ staging    applied  2 applied · 0 s"
    assert mask(summaries["retry.md"]).splitlines()[1] == (
        "### Apply of 3 environments of `desired_state.toml`: complete"
    )
    assert (results["again"].exit_code, *results["again"].stderr.splitlines()[-2:]) == (
        3,
        "  - the last recorded apply of several environments completed all of them; a",
        "    rejected one is not recorded",
    )


def test_drift_history_and_validation_cover_all_environments(outputs):
    results, _ = outputs
    assert (results["drift"].exit_code, results["drift"].stdout.splitlines()[-1]) == (
        0,
        "Drift: no drift in 4 environments: 4 unchanged",
    )
    assert (
        results["unchanged"].stdout.splitlines()[-1].startswith("Apply complete: 1 environment: 1 unchanged")
    )
    # An apply without changes is not recorded.
    history = json.loads(results["history"].stdout)
    check_schema("rollout-history", history)
    assert {item["environment"]: len(item["runs"]) for item in history["environments"]} == dict.fromkeys(
        ENVIRONMENTS, 1
    )
    assert results["valid"].stdout.splitlines() == [
        "✔ desired_state.toml is valid in 4 environments",
        "  dev: 3 resources (2 policies, 1 thing group)",
        "  staging, prod-oslo, prod-rome: 2 resources (1 policy, 1 thing group)",
    ]


def test_validation_reports_each_error_of_all_environments_once(run, tmp_path):
    write_environments(
        tmp_path,
        '[thing_types.pump]\ndescripton = "x"\n',
        '[thing_types.valve]\nenvironments = ["prod-*"]\nsearchable = 1\n',
    )
    code, _, err = run("validate", "--all-envs")
    assert code == 1
    problems = [line.strip() for line in err.splitlines() if "error" in line or "prod-" in line]
    assert problems == [
        "error: desired_state.toml:23  thing_types.pump.descripton",
        "error: desired_state.toml:26  thing_types.valve.searchable",
        "unknown key (in prod-oslo, prod-rome)",
        "error: the desired state is not valid: 2 errors; nothing was sent",
    ]


def test_only_the_approved_digest_over_all_plans_is_applied(run_in_environments):
    _, plan, _ = run_in_environments("plan", "--env", "prod-o*", "--format", "json")
    digest = json.loads(plan)["digest"]
    code, _, err = run_in_environments("apply", "--env", "prod-o*", "--approved", "0" * 12)
    reason = err.splitlines()[-1]
    assert (code, reason.partition(" (")[0], reason.partition("); ")[2]) == (
        3,
        f"  - the approved plans have the digest {'0' * 12}, but these plans have {digest[:12]}",
        "review these plans and approve their digest",
    )
    assert run_in_environments("apply", "--env", "prod-o*", "--approved", digest)[0] == 0
    assert [count_thing_groups(name) for name in ("prod-oslo", "prod-rome")] == [1, 0]


def test_destroying_several_environments_asks_for_their_number(run_in_environments, monkeypatch):
    run_in_environments("apply", "--env", "prod-*", "--yes", "--wave", "1,100%", "--no-journal")
    monkeypatch.setattr("reconciler.cli.prompt._has_terminal", lambda: True)
    code, _, err = run_in_environments("destroy", "--env", "prod-*", stdin="yes\n")
    assert (code, err.splitlines()[-1]) == (3, "canceled: nothing was changed")
    assert "This deletes 6 resources in 2 environments. Type 2 environments to continue: yes" in err
    code, out, _ = run_in_environments("destroy", "--env", "prod-*", stdin="2 environments\n")
    assert (code, "  - delete   thing_groups.pumps" in out) == (0, True)
    assert [count_thing_groups(name) for name in ("prod-oslo", "prod-rome")] == [0, 0]


def test_an_interrupt_starts_no_other_environment(run_in_environments, monkeypatch):
    report = RolloutLines.on_event

    def interrupt(display, event):
        report(display, event)
        if isinstance(event, TaskResponse) and event.status == "applied":
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(RolloutLines, "on_event", interrupt)
    code, out, _ = run_in_environments("apply", "--all-envs", "--yes")
    assert (code, out.splitlines()[-6:-1]) == (
        1,
        [
            "",
            "↷ 3 environments  blocked",
            "    staging, prod-oslo, prod-rome",
            "    the rollout was stopped",
            "",
        ],
    )
    assert [count_thing_groups(name) for name in ENVIRONMENTS] == [1, 0, 0, 0]


@pytest.mark.parametrize("command", ["apply", "destroy"])
def test_one_environment_waits_for_the_lock_if_it_is_allowed_to(run_in_environments, monkeypatch, command):
    with hold_lease_of("dev") as release:
        wait = WorkspaceRuns.wait_for_lease

        def release_and_wait(self, timeout_seconds, stop):
            release()
            wait(self, timeout_seconds, stop)

        monkeypatch.setattr(WorkspaceRuns, "wait_for_lease", release_and_wait)
        code, _, err = run_in_environments(command, "--env", "dev", "--yes", "--lock-timeout", "1m")
    assert code == 0
    assert err.startswith("waiting for the apply by alice@another-host (process 1) to finish …\n")


REJECTED: Mapping[str, str] = {
    "plan --all-envs --adopt things.a": "--adopt is for one environment; select it with --env NAME",
    "plan --all-envs --calls": "--calls is for one environment; select it with --env NAME, or use --format json",
    "plan --env * --out plan.json": "--out is for one environment; for several, pass the digest",
    "apply --all-envs telemetry.json": "a saved plan is for one environment; for several, pass the digest",
    "apply --all-envs --adopt things.a": "--adopt is for one environment; select it with --env NAME",
    "apply --env dev --wave 1": "--wave is for several environments; select them with --all-envs",
    "destroy --env dev --max-failures 1": "--max-failures is for several environments; select them with --all-envs",
    "apply --all-envs --wave 1,200%": "invalid value for '--wave': '200%' is not a valid wave size; expected a count",
    "apply --all-envs --wave 0": "invalid value for '--wave': '0' is not a valid wave size; expected more than 0",
    "apply --all-envs --max-failures few": "invalid value for '--max-failures': 'few' is not a valid limit; expected a count",
    "apply --env dev --lock-timeout 5": "invalid value for '--lock-timeout': '5' is not a valid duration",
    "history --all-envs 1abc": "the run '1abc' is of one environment; leave out --all-envs and --env",
    "show things.a --env prod-*": "this command works on one environment, and --env prod-* selects several",
    "graph --env dev --env staging": "this command works on one environment, and --env dev --env staging selects",
}


@pytest.mark.parametrize("command", REJECTED)
def test_an_option_that_does_not_fit_is_rejected_with_what_to_do_instead(run_in_environments, command):
    code, out, err = run_in_environments(*command.split())
    assert (code, out, err[: len(REJECTED[command]) + 7]) == (1, "", f"error: {REJECTED[command]}")


def test_an_environment_that_cannot_be_planned_stops_an_apply_before_anything_is_sent(
    run_in_environments, monkeypatch
):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    registry = Workspace(environment="staging").client()
    registry.create_thing_group(thingGroupName="pumps")
    code, out, err = run_in_environments("apply", "--all-envs", "--yes")
    assert code == 3
    assert err.startswith(
        "::error title=reconciler%3A staging rejected::the plan is rejected; nothing was sent%0A"
    )
    assert "error: nothing was sent: 1 of 4 environments could not be planned: staging;" in err
    problem = out[out.index("✖") :].splitlines()
    assert problem[0] == "✖ staging  rejected"
    assert problem[-2] == "Plan incomplete: 9 to create in 4 environments: 3 with changes, 1 rejected"
    assert [count_thing_groups(name) for name in ENVIRONMENTS] == [0, 1, 0, 0]


def test_a_summary_has_no_changes_of_environments_that_could_not_be_planned(run_in_environments):
    registry = Workspace(environment="staging").client()
    registry.create_thing_group(thingGroupName="pumps")
    code, out, _ = run_in_environments("plan", "--env", "stag*")
    assert (code, out.splitlines()[-1]) == (3, "Plan incomplete: 1 environment: 1 rejected")


def test_every_form_of_a_rollout_has_a_schema():
    assert {name for name in OUTPUTS if name.startswith("rollout")} == {
        "rollout-plan",
        "rollout-plan-line",
        "rollout-event",
        "rollout-drift",
        "rollout-drift-line",
        "rollout-history",
    }
