"""The history shows what an apply did, the failed steps can be retried, and a killed run is reported."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema

from reconciler.render.json.schemas import build_output_schema
from tests.support.project_folder import COMMAND_TIMEOUT_SECONDS, ProjectFolder, read_progress
from tests.support.registry_client import Cloud
from tests.support.small_fleet import SETUP_CODES, SMALL_FLEET, Fleet


def read_history(folder: ProjectFolder, *run_id: str) -> Any:
    """Return the history, or the record of one run, and check it against its JSON Schema."""
    result = folder.run("history", *run_id, "--json")
    assert result.exit_code == 0, result
    document = json.loads(result.stdout)
    jsonschema.validate(document, build_output_schema("run" if run_id else "history"))
    return document


def statuses_by_address(record: dict[str, Any]) -> dict[str, str]:
    return {step["address"]: step["status"] for step in record["steps"]}


def test_a_failed_step_is_in_the_history_and_only_that_step_is_retried(folder):
    # Another managed thing already has the setup code. AWS returns no setup codes, so the plan cannot see the conflict.
    folder.write(SMALL_FLEET).run("plan")
    cloud = Cloud(folder.registry_path)
    conflicting = cloud.managed_integrations.create_managed_thing(
        Role="DEVICE",
        AuthenticationMaterial=SETUP_CODES["SETUP_CODE_1"],
        AuthenticationMaterialType="ZWAVE_QR_BAR_CODE",
    )
    assert folder.run("apply", "--yes").exit_code == 1
    (failed_run,) = read_history(folder)["runs"]
    assert (failed_run["status"], failed_run["counts"], failed_run["workspace"]) == (
        "failed",
        {"applied": 7, "failed": 1},
        "greenhouse",
    )
    record = read_history(folder, failed_run["id"])
    failed_addresses = [
        address for address, status in statuses_by_address(record).items() if status == "failed"
    ]
    assert failed_addresses == ["managed_things.pump-1"]
    lines = folder.run("history", failed_run["id"][-6:]).stdout.splitlines()
    assert lines[0] == f"Run {failed_run['id']}  ✖ failed"
    (rejected_call,) = [call for call in record["calls"] if call["status"] == "rejected"]
    assert (rejected_call["operation"], rejected_call["error_code"]) == (
        "CreateManagedThing",
        "ConflictException",
    )
    # The failed step and the rejected call each have a line with the request ID.
    assert sum(rejected_call["request_id"] in line for line in lines) == 2
    # Every call was answered, and every response has a request ID.
    assert all(re.fullmatch(r"[0-9a-f-]{36}", call["request_id"]) for call in record["calls"])

    cloud.managed_integrations.delete_managed_thing(Identifier=conflicting["Id"])
    edited_fleet = SMALL_FLEET.with_changes("pump-2", site="trondheim")
    folder.write(edited_fleet)
    retry = folder.run("apply", "--retry-failed", "--yes")
    last_lines = re.sub(r"[\d.]+ s", "0 s", "\n".join(retry.stdout.splitlines()[-3:]))
    assert (retry.exit_code, last_lines) == (
        0,
        "1 other change remains for `reconciler apply`.\n\n✔ Apply complete in 0 s: 1 created.",
    )
    assert folder.read_content() == SMALL_FLEET.make_expected_content()
    latest_run, _ = read_history(folder)["runs"]
    assert statuses_by_address(read_history(folder, latest_run["id"])) == {"managed_things.pump-1": "applied"}
    # The last run completed every step, so there is nothing to retry.
    assert folder.run("apply", "--retry-failed", "--yes").exit_code == 3
    folder.apply()
    assert folder.read_content() == edited_fleet.make_expected_content()


def test_the_next_plan_and_apply_report_a_killed_run_which_stays_in_the_history(folder):
    fleet = Fleet.of_size(25)
    process = folder.write(fleet).start("apply", "--yes")
    read_progress(process, 12)
    process.kill()
    process.communicate(timeout=COMMAND_TIMEOUT_SECONDS)
    (crashed_run,) = read_history(folder)["runs"]
    record = read_history(folder, crashed_run["id"])
    assert (crashed_run["status"], crashed_run["ended_at"]) == ("crashed", None)
    # If a creation was answered, the thing exists; if a thing exists, its creation was answered or its outcome is unknown.
    created_things: dict[str, set[str]] = {"completed": set(), "unknown": set()}
    for call in record["calls"]:
        if call["operation"] == "CreateThing":
            created_things[call["status"]].add(call["parameters"].removeprefix("thingName="))
    registered_things = set(Cloud(folder.registry_path).read_content()["things"])
    assert (
        created_things["completed"]
        <= registered_things
        <= created_things["completed"] | created_things["unknown"]
    )

    warning = crash_warning(crashed_run)
    assert folder.run("plan").stderr.splitlines() == [warning]
    assert folder.apply().stderr.splitlines()[0] == warning
    assert folder.read_content() == fleet.make_expected_content()
    assert [run["status"] for run in read_history(folder)["runs"]] == ["applied", "crashed"]
    assert folder.run("plan").stderr == ""


def crash_warning(run: dict[str, Any]) -> str:
    """Return the warning that reports a crashed run."""
    started_at = run["started_at"][:19].replace("T", " ")
    calls = f"{run['call_count']} calls"
    if run["unanswered_call_count"]:
        calls += f", {run['unanswered_call_count']} of them without a response"
    return (
        f"warning: run {run['id']} by {run['process']['user']}@{run['process']['host']}, started {started_at} UTC, "
        f"did not finish (crashed or killed) after {calls}; this plan starts from the live state"
    )
