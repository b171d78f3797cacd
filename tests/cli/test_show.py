"""`show` prints one resource with its status in AWS, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from reconciler import Workspace
from reconciler.render.json.schemas import build_output_schema

FILE = """
[workspace]
name = "lamps"
region = "eu-west-1"
target = "embedded"

[managed_things.lamp]
role = "DEVICE"
authentication_material = { env = "LAMP_CODE" }
authentication_material_type = "ZWAVE_QR_BAR_CODE"
"""


def apply_lamp(run, monkeypatch) -> str:
    """Apply a managed thing, and return its ID."""
    monkeypatch.setenv("LAMP_CODE", "90001")
    Path("desired_state.toml").write_text(FILE, encoding="utf-8")
    assert run("apply", "--yes")[0] == 0
    client = Workspace().client("iot-managed-integrations")
    return str(client.list_managed_things()["Items"][0]["Id"])


def test_show_prints_the_status_of_a_managed_thing(run, monkeypatch):
    identity = apply_lamp(run, monkeypatch)
    assert run("show", "managed_things.lamp") == (
        0,
        (
            "managed_things.lamp\n"
            "declared in  desired_state.toml:7\n"
            f"live         {identity} · owned by workspace lamps\n"
            "\n"
            "  field                         desired            live\n"
            "  role                          DEVICE             DEVICE\n"
            "  authentication_material       (sensitive)        (sensitive)\n"
            "  authentication_material_type  ZWAVE_QR_BAR_CODE  ZWAVE_QR_BAR_CODE\n"
            "  name                          lamp               lamp\n"
            "\n"
            "  status in AWS\n"
            "  provisioning_status  PRE_ASSOCIATED\n"
            "  connected            false\n"
            "\n"
            "✔ matches the file\n"
        ),
        "",
    )


def test_show_prints_a_resource_as_json_without_secrets(run, monkeypatch):
    identity = apply_lamp(run, monkeypatch)
    code, out, err = run("show", "managed_things.lamp", "--format", "json")
    document = json.loads(out)
    jsonschema.validate(document, build_output_schema("resource"))
    assert (code, err, "90001" in out) == (0, "", False)
    desired, live = document.pop("desired"), document.pop("live")
    assert desired["authentication_material"] == {"$secret": "env LAMP_CODE"}
    assert live["authentication_material"].keys() == {"$hash"}
    assert (desired["name"], live["name"]) == ("lamp", "lamp")
    assert document == {
        "format": "reconciler.resource",
        "version": 1,
        "address": "managed_things.lamp",
        "origin": "desired_state.toml:7",
        "identity": identity,
        "owner": "lamps",
        "action": None,
        "fields": [],
        "status": {"provisioning_status": "PRE_ASSOCIATED", "connected": False},
        "denied": [],
    }


def test_a_missing_resource_as_json_has_no_live_values(run_in_starter):
    code, out, err = run_in_starter("show", "things.pump-1", "--format", "json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert (document["action"], document["live"], document["status"]) == ("create", None, {})
