"""`reconciler drift --who`, and `Workspace.drift(who=True)`."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import jsonschema
import pytest

from reconciler import Workspace
from reconciler.aws.caller import Caller
from reconciler.model.errors import AwsError
from reconciler.registry import Registry
from reconciler.render.json.schemas import build_output_schema
from tests.support.direct_client import create_client

NOTE = "cannot read the trail, so who changed the resources is not known: AccessDeniedException"
ROOT, JANE = (f"arn:aws:iam::123456789012:{name}" for name in ("root", "user/jane"))


@pytest.fixture
def run(run_in_applied_starter):
    """Return `run` for the applied starter, in whose registry jane has changed a thing."""
    with closing(Registry(Path(".reconciler/registry.sqlite3"))) as registry:
        jane = create_client("iot", lambda: registry, "jane")
        attributes = {**jane.describe_thing(thingName="pump-2")["attributes"], "site": "rome"}
        jane.update_thing(thingName="pump-2", attributePayload={"attributes": attributes})
    return run_in_applied_starter


def test_drift_names_who_changed_a_resource_only_if_asked(run):
    note = f"      changed by {JANE} just now from 127.0.0.1 (UpdateThing)"
    with_who, without_who = run("drift", "--who"), run("drift")

    assert with_who[0] == without_who[0] == 2
    assert [line for line in with_who[1].splitlines() if "changed by" in line] == [note]
    assert "changed by" not in without_who[1]


def test_the_json_of_drift_with_who_follows_its_schema(run):
    document = json.loads(run("drift", "--who", "--format", "json")[1])

    jsonschema.Draft202012Validator(build_output_schema("drift")).validate(document)
    (resource,) = document["resources"]
    change = resource["last_change"]
    assert change.pop("time") > "2026"
    assert change == {
        "operation": "UpdateThing",
        "principal": JANE,
        "source": "127.0.0.1",
        "is_from_reconciler": False,
        "run": "",
    }


def test_a_change_by_an_apply_of_the_workspace_names_its_run(run):
    file = Path("desired_state.toml")
    text = file.read_text(encoding="utf-8")
    run("apply", "--yes")
    file.write_text(text.replace('site = "bergen"', 'site = "trondheim"'), encoding="utf-8")
    (item,) = Workspace().drift(who=True).items
    latest_run = json.loads(run("history", "--json", "--limit", "1")[1])["runs"][0]["id"]

    change = item.last_change
    assert change is not None
    assert (change.principal, change.is_from_reconciler, change.run) == (ROOT, True, latest_run)


def test_drift_without_permission_for_the_trail_is_shown_with_a_note(run, monkeypatch):
    send = Caller.__call__

    def deny(self, call):
        if call.service == "cloudtrail":
            raise AwsError(
                service="cloudtrail", operation=call.operation, code="AccessDeniedException", message=""
            )
        return send(self, call)

    monkeypatch.setattr(Caller, "__call__", deny)
    code, out, err = run("drift", "--who")
    assert (code, err) == (2, "")
    assert [line for line in out.splitlines() if line.startswith("  !")] == [
        f"  ! {NOTE}; allow cloudtrail:LookupEvents (`reconciler permissions --for drift`)"
    ]


def test_the_policy_for_drift_allows_what_a_drift_with_who_sends(run):
    policies = {
        purpose: {
            action
            for statement in json.loads(run("permissions", "--for", purpose)[1])["Statement"]
            for action in statement["Action"]
        }
        for purpose in ("plan", "drift")
    }
    assert policies["drift"] - policies["plan"] == {"cloudtrail:LookupEvents"}
    assert policies["plan"] - policies["drift"] == set()
