"""Terraform and its AWS provider against the served registry: every `aws_iot_*` resource of a noun that is served."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from tests.support import pki, terraform
from tests.support.registry_server import Served, served

from .test_issued_certificates import request_for

CONFIG = (Path(__file__).parent / "terraform" / "fleet.tf").read_text()
TERRAFORM = terraform.find()
TYPES = sorted({line.split('"')[1] for line in CONFIG.splitlines() if line.startswith('resource "')})

pytestmark = pytest.mark.skipif(isinstance(TERRAFORM, str), reason=str(TERRAFORM))


@frozen
class Life:
    """What every stage of a fleet's life came to: exit code, and what Terraform said."""

    applied: Any
    planned: Any
    changed: Any
    planned_again: Any
    state: dict[str, Any]
    seen: dict[str, Any]
    destroyed: Any
    left: dict[str, Any]


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    folder = tmp_path_factory.mktemp("terraform")
    factory, other = (pki.Authority(name) for name in ("Factory", "Other"))
    (folder / "ca.pem").write_text(factory.pem)
    (folder / "signed.pem").write_text(factory.issue("pump-7"))
    (folder / "unsigned.pem").write_text(other.issue("pump-8"))
    (folder / "device.csr").write_text(request_for("pump-9"))
    run, bergen = TERRAFORM.run, ("-var", "site=bergen")
    with served("--thing-type-deletion", "0s") as server:
        TERRAFORM.prepare(folder, server.url, CONFIG)
        applied = run(folder, "apply", "-auto-approve", "-no-color")
        planned = run(folder, "plan", "-detailed-exitcode", "-no-color")
        changed = run(folder, "apply", "-auto-approve", "-no-color", *bergen)
        planned_again = run(folder, "plan", "-detailed-exitcode", "-no-color", *bergen)
        state = json.loads((folder / "terraform.tfstate").read_text())
        seen = contents(server)
        destroyed = run(folder, "destroy", "-auto-approve", "-no-color", *bergen)
        left = contents(server)
    return Life(applied, planned, changed, planned_again, state, seen, destroyed, left)


def contents(server: Served) -> dict[str, Any]:
    """What the registry holds, by names, through plain boto3."""
    iot = server.client("iot")
    groups = [group["groupName"] for group in iot.list_thing_groups()["thingGroups"]]
    return {
        "things": {found["thingName"]: found["attributes"] for found in iot.list_things()["things"]},
        "groups": sorted(groups),
        "members": [iot.list_things_in_thing_group(thingGroupName=name)["things"] for name in sorted(groups)],
        "types": [found["thingTypeName"] for found in iot.list_thing_types()["thingTypes"]],
        "billing": [found["groupName"] for found in iot.list_billing_groups()["billingGroups"]],
        "policies": [found["policyName"] for found in iot.list_policies()["policies"]],
        "certificates": len(iot.list_certificates()["certificates"]),
        "cas": len(iot.list_ca_certificates()["certificates"]),
        "templates": [found["templateName"] for found in iot.list_provisioning_templates()["templates"]],
        "aliases": iot.list_role_aliases()["roleAliases"],
    }


def test_a_fleet_is_applied(life):
    assert life.applied.returncode == 0, life.applied.stderr


def test_the_plan_after_it_is_empty(life):
    assert life.planned.returncode == 0, life.planned.stdout


def test_a_change_is_applied_in_place(life):
    assert life.changed.returncode == 0, life.changed.stderr
    assert "0 added, 11 changed, 0 destroyed" in life.changed.stdout


def test_the_plan_after_the_change_is_empty(life):
    assert life.planned_again.returncode == 0, life.planned_again.stdout


def test_the_registry_holds_what_the_configuration_says(life):
    assert life.seen == {
        "things": {"pump-7": {"site": "bergen"}},
        "groups": ["child", "parent"],
        "members": [["pump-7"], []],
        "types": ["pump"],
        "billing": ["billing"],
        "policies": ["connect"],
        "certificates": 4,
        "cas": 1,
        "templates": ["template"],
        "aliases": ["alias"],
    }


@pytest.mark.parametrize("kind", TYPES)
def test_every_resource_is_in_the_state(life, kind):
    assert kind in {resource["type"] for resource in life.state["resources"]}


def test_all_of_it_is_destroyed(life):
    assert life.destroyed.returncode == 0, life.destroyed.stderr
    assert life.left == {
        "things": {},
        "groups": [],
        "members": [],
        "types": [],
        "billing": [],
        "policies": [],
        "certificates": 0,
        "cas": 0,
        "templates": [],
        "aliases": [],
    }
