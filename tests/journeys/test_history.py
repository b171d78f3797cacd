"""What was applied can be read afterwards, what failed can be tried again, and a run that was killed is told of."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema

from reconciler.render.json.schemas import build_output_schema
from tests.support.project_folder import PATIENCE, Folder, until
from tests.support.registry_client import Cloud
from tests.support.small_fleet import CODES, SMALL, Fleet


def told(folder: Folder, *words: str) -> Any:
    ended = folder.run("history", *words, "--json")
    assert ended.code == 0, ended
    found = json.loads(ended.out)
    jsonschema.validate(found, build_output_schema("run" if words else "history"))
    return found


def states(record: dict[str, Any]) -> dict[str, str]:
    return {step["address"]: step["status"] for step in record["steps"]}


def test_an_apply_that_fails_in_one_place_is_told_and_tried_again_there_alone(folder):
    # Somebody else has the device's setup code, which no plan can see.
    folder.write(SMALL).run("plan")
    cloud = Cloud(folder.registry)
    taken = cloud.managed_integrations.create_managed_thing(
        Role="DEVICE",
        AuthenticationMaterial=CODES["SETUP_CODE_1"],
        AuthenticationMaterialType="ZWAVE_QR_BAR_CODE",
    )
    assert folder.run("apply", "--yes").code == 1
    (failed,) = told(folder)["runs"]
    assert (failed["status"], failed["counts"], failed["workspace"]) == (
        "failed",
        {"applied": 7, "failed": 1},
        "greenhouse",
    )
    record = told(folder, failed["id"])
    assert [address for address, state in states(record).items() if state == "failed"] == [
        "managed_things.pump-1"
    ]
    lines = folder.run("history", failed["id"][-6:]).out.splitlines()
    assert lines[0] == f"Run {failed['id']}  ✖ failed"
    (refused,) = [call for call in record["calls"] if call["status"] == "refused"]
    assert (refused["operation"], refused["error_code"]) == ("CreateManagedThing", "ConflictException")
    assert sum(refused["request_id"] in line for line in lines) == 2
    # Every call that was answered has AWS's id of the request.
    assert all(re.fullmatch(r"[0-9a-f-]{36}", call["request_id"]) for call in record["calls"])

    cloud.managed_integrations.delete_managed_thing(Identifier=taken["Id"])
    folder.write(SMALL.having("pump-2", site="trondheim"))
    again = folder.run("apply", "--retry-failed", "--yes")
    assert (again.code, re.sub(r"[\d.]+ s", "0 s", "\n".join(again.out.splitlines()[-3:]))) == (
        0,
        "1 other change remains for `reconciler apply`.\n\n✔ Apply complete in 0 s: 1 created.",
    )
    assert folder.content() == SMALL.content()
    latest, _ = told(folder)["runs"]
    assert states(told(folder, latest["id"])) == {"managed_things.pump-1": "applied"}
    assert folder.run("apply", "--retry-failed", "--yes").code == 3
    folder.apply()
    assert folder.content() == SMALL.having("pump-2", site="trondheim").content()


def test_a_run_that_is_killed_is_told_of_by_the_next_and_the_journal_is_true_of_both(folder):
    fleet = Fleet.of(25)
    run = folder.write(fleet).start("apply", "--yes")
    until(run, 12)
    run.kill()
    run.communicate(timeout=PATIENCE)
    (crashed,) = told(folder)["runs"]
    record = told(folder, crashed["id"])
    assert (crashed["status"], crashed["ended_at"]) == ("crashed", None)
    # What was answered is there, and what is there was answered or is unknown.
    made = {state: set() for state in ("answered", "unknown")}
    for call in record["calls"]:
        if call["operation"] == "CreateThing":
            made[call["status"]].add(call["parameters"].removeprefix("thingName="))
    there = set(Cloud(folder.registry).content()["things"])
    assert made["answered"] <= there <= made["answered"] | made["unknown"]

    begun = crashed["started_at"][:19].replace("T", " ")
    sent = f"{crashed['call_count']} calls" + (
        f", {crashed['unanswered_call_count']} of them without a response"
        if crashed["unanswered_call_count"]
        else ""
    )
    said = (
        f"warning: run {crashed['id']} by {crashed['process']['user']}@{crashed['process']['host']}, started {begun} UTC, "
        f"did not finish (crashed or killed) after {sent}; this plan starts from the live state"
    )
    assert folder.run("plan").err.splitlines() == [said]
    assert folder.apply().err.splitlines()[0] == said
    assert folder.content() == fleet.content()
    assert [run["status"] for run in told(folder)["runs"]] == ["applied", "crashed"]
    assert folder.run("plan").err == ""
