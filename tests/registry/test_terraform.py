"""Terraform's AWS provider on a registry server, with every `aws_iot_*` resource that is served."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from tests.support import pki, terraform
from tests.support.registry_server import RunningServer, serve_registry

CONFIG = (Path(__file__).parent / "terraform" / "fleet.tf").read_text()
# Terraform, or a string: the reason why it cannot be used.
TERRAFORM = terraform.find_terraform()
RESOURCE_TYPES = sorted({line.split('"')[1] for line in CONFIG.splitlines() if line.startswith('resource "')})

pytestmark = [
    pytest.mark.skipif(isinstance(TERRAFORM, str), reason=str(TERRAFORM)),
    pytest.mark.xdist_group("Terraform"),  # one worker runs the slow fixture
]


@frozen
class Lifecycle:
    """The results of Terraform's commands, its state before `destroy`, and the registry's contents."""

    applied: Any
    planned: Any
    changed: Any
    planned_again: Any
    state: dict[str, Any]
    contents_before_destroy: dict[str, Any]
    destroyed: Any
    contents_after_destroy: dict[str, Any]


@pytest.fixture(scope="module")
def lifecycle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("terraform")
    factory, other_factory = (pki.Authority(name) for name in ("Factory", "Other"))
    (folder / "ca.pem").write_text(factory.pem)
    (folder / "signed.pem").write_text(factory.issue("pump-7"))
    (folder / "signed-by-other-ca.pem").write_text(other_factory.issue("pump-8"))
    (folder / "device.csr").write_text(pki.make_signing_request("pump-9"))
    run, bergen = TERRAFORM.run, ("-var", "site=bergen")
    with serve_registry("--thing-type-deletion", "0s") as server:
        TERRAFORM.prepare(folder, server.url, CONFIG)
        applied = run(folder, "apply", "-auto-approve", "-no-color")
        planned = run(folder, "plan", "-detailed-exitcode", "-no-color")
        changed = run(folder, "apply", "-auto-approve", "-no-color", *bergen)
        planned_again = run(folder, "plan", "-detailed-exitcode", "-no-color", *bergen)
        state = json.loads((folder / "terraform.tfstate").read_text())
        contents_before_destroy = read_contents(server)
        destroyed = run(folder, "destroy", "-auto-approve", "-no-color", *bergen)
        contents_after_destroy = read_contents(server)
    return Lifecycle(
        applied,
        planned,
        changed,
        planned_again,
        state,
        contents_before_destroy,
        destroyed,
        contents_after_destroy,
    )


def read_contents(server: RunningServer) -> dict[str, Any]:
    """Return what boto3 reads from the registry: names of resources by kind.

    Things have their attributes, too; certificates and CAs are only counted. `members` has a list for each of `groups`.
    """
    iot = server.create_client("iot")
    groups = [group["groupName"] for group in iot.list_thing_groups()["thingGroups"]]
    return {
        "things": {item["thingName"]: item["attributes"] for item in iot.list_things()["things"]},
        "groups": sorted(groups),
        "members": [iot.list_things_in_thing_group(thingGroupName=name)["things"] for name in sorted(groups)],
        "types": [item["thingTypeName"] for item in iot.list_thing_types()["thingTypes"]],
        "billing": [item["groupName"] for item in iot.list_billing_groups()["billingGroups"]],
        "policies": [item["policyName"] for item in iot.list_policies()["policies"]],
        "certificates": len(iot.list_certificates()["certificates"]),
        "cas": len(iot.list_ca_certificates()["certificates"]),
        "templates": [item["templateName"] for item in iot.list_provisioning_templates()["templates"]],
        "aliases": iot.list_role_aliases()["roleAliases"],
    }


def test_terraform_applies_a_fleet(lifecycle):
    assert lifecycle.applied.returncode == 0, lifecycle.applied.stderr


def test_the_plan_after_the_apply_is_empty(lifecycle):
    assert lifecycle.planned.returncode == 0, lifecycle.planned.stdout


def test_a_change_is_applied_in_place(lifecycle):
    assert lifecycle.changed.returncode == 0, lifecycle.changed.stderr
    assert "0 added, 11 changed, 0 destroyed" in lifecycle.changed.stdout


def test_the_plan_after_the_change_is_empty(lifecycle):
    assert lifecycle.planned_again.returncode == 0, lifecycle.planned_again.stdout


def test_the_registry_has_the_configured_resources(lifecycle):
    assert lifecycle.contents_before_destroy == {
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


@pytest.mark.parametrize("resource_type", RESOURCE_TYPES)
def test_every_resource_type_is_in_the_state(lifecycle, resource_type):
    assert resource_type in {resource["type"] for resource in lifecycle.state["resources"]}


def test_destroy_deletes_everything_in_the_registry(lifecycle):
    assert lifecycle.destroyed.returncode == 0, lifecycle.destroyed.stderr
    assert lifecycle.contents_after_destroy == {
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
