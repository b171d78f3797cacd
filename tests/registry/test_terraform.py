"""Terraform's AWS provider creates, changes, imports and deletes its `aws_iot_*` resources.

The provider's own acceptance tests, which run against AWS, cover the same situations.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from tests.support import terraform
from tests.support.registry_server import RunningServer, serve_registry
from tests.support.terraform_fleet import (
    POLICY,
    enable_group_indexing,
    read_fields,
    read_names,
    write_input_files,
    write_verification,
)

CONFIG = "".join(file.read_text() for file in sorted((Path(__file__).parent / "terraform").glob("*.tf")))
# Terraform, or a string: the reason why it cannot be used.
TERRAFORM = terraform.find_terraform()
RESOURCE_TYPES = {line.split('"')[1] for line in CONFIG.splitlines() if line.startswith('resource "')}
APPLY = ("apply", "-auto-approve", "-no-color")
CHANGE = ("-var", "site=bergen", "-var", "later=true")
DEFAULT_TAGS = {"TF_AWS_DEFAULT_TAGS_owner": "line-a"}
# The resources that the provider can import, and their import IDs; None for the ID in Terraform's state, which AWS assigned.
IMPORTS: dict[str, str | None] = {
    "aws_iot_thing_type.bare": "bare",
    "aws_iot_thing_type.full": "full",
    "aws_iot_thing.bare": "bare",
    "aws_iot_thing.full": "full:1_a-B",
    "aws_iot_thing_group.grandparent": "grandparent",
    "aws_iot_thing_group.parent": "parent",
    "aws_iot_thing_group.full": "full",
    "aws_iot_thing_group_membership.m": "full/bare",
    "aws_iot_billing_group.bare": "bare",
    "aws_iot_billing_group.full": "full",
    "aws_iot_policy.p": POLICY,
    "aws_iot_role_alias.r": "alias",
    "aws_iot_provisioning_template.t": "template",
    "aws_iot_indexing_configuration.i": "eu-west-1",
    "aws_iot_event_configurations.e": "eu-west-1",
    "aws_iot_authorizer.signed": "signed",
    "aws_iot_authorizer.unsigned": "unsigned",
    "aws_iot_domain_configuration.d": "devices",
    "aws_iot_topic_rule.bare": "bare",
    "aws_iot_topic_rule.full": "full",
    "aws_iot_topic_rule.other": "other",
    "aws_iot_topic_rule_destination.d": None,
}
# The resource types that the provider cannot import: its documentation of each has no section on imports.
NOT_IMPORTED = {
    "aws_iot_ca_certificate",
    "aws_iot_certificate",
    "aws_iot_logging_options",
    "aws_iot_policy_attachment",
    "aws_iot_thing_principal_attachment",
}
TESTED_ELSEWHERE = {"aws_iot_logging_options"}

pytestmark = [
    pytest.mark.skipif(isinstance(TERRAFORM, str), reason=str(TERRAFORM)),
    pytest.mark.xdist_group("Terraform"),  # one worker runs the slow fixture
]


@frozen
class Lifecycle:
    """The result of each command, Terraform's state after the imports, and the registry's contents.

    `changed_*` was read after the change; `restored_*` after the restoration, which starts with an empty registry.
    """

    schemas: Any
    applied: Any
    planned: Any
    changed: Any
    changed_names: dict[str, Any]
    changed_fields: dict[str, Any]
    imported: Any
    state: dict[str, Any]
    restored: Any
    restored_names: dict[str, Any]
    restored_fields: dict[str, Any]
    destroyed: Any
    destroyed_names: dict[str, Any]


@pytest.fixture(scope="module")
def lifecycle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("terraform")
    verified = write_input_files(folder)
    TERRAFORM.prepare(folder, CONFIG)
    with serve_registry("--thing-type-deletion", "0s") as server:
        settings = {**terraform.build_provider_settings(server.url), **DEFAULT_TAGS}
        run = partial(TERRAFORM.run, folder, provider_settings=settings)
        enable_group_indexing(server)
        write_verification(server, verified, folder)
        schemas = run("providers", "schema", "-json")
        applied = run(*APPLY)
        planned = run("plan", "-detailed-exitcode", "-no-color")
        _fill_versions(server)
        changed = run(*APPLY, *CHANGE)
        changed_names, changed_fields = read_names(server), read_fields(server, verified)
        _replace_state_by_imports(folder)
        imported = run(*APPLY, *CHANGE)
        (folder / "imports.tf").unlink()
        state = _read_state(folder)
        server.reset()
        write_verification(server, verified, folder)
        restored = run(*APPLY, *CHANGE)
        restored_names, restored_fields = read_names(server), read_fields(server, verified)
        destroyed = run("destroy", "-auto-approve", "-no-color", *CHANGE)
        destroyed_names = read_names(server)
    return Lifecycle(
        *(schemas, applied, planned),
        *(changed, changed_names, changed_fields),
        *(imported, state),
        *(restored, restored_names, restored_fields),
        *(destroyed, destroyed_names),
    )


def _fill_versions(server: RunningServer) -> None:
    """Create as many policy versions as allowed, so that the next one requires the deletion of the oldest."""
    iot = server.create_client("iot")
    document = iot.get_policy(policyName=POLICY)["policyDocument"]
    for _ in range(4):
        iot.create_policy_version(policyName=POLICY, policyDocument=document)


def _replace_state_by_imports(folder: Path) -> None:
    """Remove the resources that can be imported from Terraform's state, and configure their import.

    `terraform state rm` would do the same to the state, but slowly: it loads the provider.
    """
    file = folder / "terraform.tfstate"
    state = json.loads(file.read_text())
    resources = [item for item in state["resources"] if f"{item['type']}.{item['name']}" not in IMPORTS]
    file.write_text(json.dumps({**state, "resources": resources}))
    ids = {
        f"{item['type']}.{item['name']}": item["instances"][0]["attributes"]["id"]
        for item in state["resources"]
    }
    blocks = [
        f'import {{\n  to = {address}\n  id = "{name or ids[address]}"\n}}\n'
        for address, name in IMPORTS.items()
    ]
    (folder / "imports.tf").write_text("".join(blocks))


def _read_state(folder: Path) -> dict[str, Any]:
    """Return the attributes of every managed resource in Terraform's state, by address."""
    resources = json.loads((folder / "terraform.tfstate").read_text())["resources"]
    return {
        f"{resource['type']}.{resource['name']}": resource["instances"][0]["attributes"]
        for resource in resources
        if resource["mode"] == "managed"
    }


CHANGED_NAMES = {
    "things": {"pump-7": {"site": "bergen"}, "bare": {}, "full:1_a-B": {"line": "b", "hall": "3"}},
    "groups": {"fleet": [], "child": ["pump-7"], "grandparent": [], "parent": [], "full": ["bare"]},
    "types": {"pump", "bare", "full"},
    "billing": {"billing", "bare", "full"},
    "policies": {"connect", POLICY},
    "certificates": 6,
    "cas": 2,
    "templates": {"fleet", "template"},
    "aliases": {"fleet", "alias"},
    "authorizers": {"signed", "unsigned"},
    "domains": {"devices"},
    "rules": {"bare": "bare", "full": "pumps/new", "other": ""},
    "destinations": [("vpc-2", "DISABLED")],
}
TAGS = {"kept": "changed", "came": "user@example.com", "owner": "line-a"}
TAGGED = (
    *("thinggroup", "thingtype", "provisioningtemplate", "rolealias", "cacert", "policy"),
    *("authorizer", "domainconfiguration", "rule"),
)
CHANGED_FIELDS = {
    "thing": (None, {"line": "b", "hall": "3"}),
    "group": {
        "thingGroupDescription": "Another",
        "attributePayload": {"attributes": {"b": "2", "c": "3"}},
    },
    "deprecated": False,
    "billing": {"billingGroupDescription": "Another"},
    "policy": [{"Action": ["iot:*"], "Effect": "Allow", "Resource": ["*"]}],
    "has at most 5 versions": True,
    "policy target count": 2,
    "principals": 1,
    "ca": "ACTIVE",
    "alias": (1800, "second"),
    "template": ("For tests", True, "arn:aws:lambda:eu-west-1:123456789012:function:hook"),
    "named shadows": ["$package", "settings"],
    "custom fields": ["attributes.version", "shadow.name.settings.desired.mode"],
    "indexes": ["AWS_Things", "AWS_ThingGroups"],
    "events": {
        "CA_CERTIFICATE": True,
        "CERTIFICATE": False,
        "JOB": True,
        "JOB_EXECUTION": True,
        "POLICY": True,
        "THING": False,
        "THING_GROUP": True,
        "THING_GROUP_HIERARCHY": True,
        "THING_GROUP_MEMBERSHIP": True,
        "THING_TYPE": True,
        "THING_TYPE_ASSOCIATION": True,
    },
    "authorizer": ("key", True),
    "domain": (True, "IotSecurityPolicy_TLS13_1_3_2022_10"),
    "tags": dict.fromkeys(TAGGED, TAGS),
}


def test_every_resource_type_of_the_provider_is_created_and_imported_if_it_can_be(lifecycle):
    (schemas,) = json.loads(lifecycle.schemas.stdout)["provider_schemas"].values()
    types = {name for name in schemas["resource_schemas"] if name.startswith("aws_iot_")}
    assert types == RESOURCE_TYPES | TESTED_ELSEWHERE
    assert {address.partition(".")[0] for address in IMPORTS} == types - NOT_IMPORTED


def test_terraform_creates_every_resource(lifecycle):
    assert lifecycle.applied.returncode == 0, lifecycle.applied.stderr
    assert "Resources: 44 added, 0 changed, 0 destroyed" in lifecycle.applied.stdout


def test_the_plan_after_the_apply_is_empty(lifecycle):
    assert lifecycle.planned.returncode == 0, lifecycle.planned.stdout


def test_fields_are_changed_in_place_and_attachments_are_replaced(lifecycle):
    assert lifecycle.changed.returncode == 0, lifecycle.changed.stderr
    assert "Resources: 3 added, 25 changed, 3 destroyed" in lifecycle.changed.stdout


def test_the_registry_has_the_changed_resources(lifecycle):
    assert lifecycle.changed_names == CHANGED_NAMES
    assert lifecycle.changed_fields == CHANGED_FIELDS


def test_imported_and_changed_resources_need_no_change(lifecycle):
    assert lifecycle.imported.returncode == 0, lifecycle.imported.stderr
    assert "Resources: 22 imported, 0 added, 0 changed, 0 destroyed" in lifecycle.imported.stdout


def test_every_resource_type_is_in_the_state(lifecycle):
    assert {address.partition(".")[0] for address in lifecycle.state} == RESOURCE_TYPES


def test_the_state_has_the_computed_attributes(lifecycle):
    group = lifecycle.state["aws_iot_thing_group.full"]["metadata"][0]
    indexing = lifecycle.state["aws_iot_indexing_configuration.i"]
    authority = lifecycle.state["aws_iot_ca_certificate.ca"]

    assert [ancestor["group_name"] for ancestor in group["root_to_parent_groups"]] == [
        "grandparent",
        "parent",
    ]
    assert group["parent_group_name"] == "parent"
    assert len(indexing["thing_indexing_configuration"][0]["managed_field"]) == 22
    assert len(indexing["thing_group_indexing_configuration"][0]["managed_field"]) == 5
    assert (authority["customer_version"], len(authority["validity"])) == (2, 1)
    assert lifecycle.state["aws_iot_certificate.keys"]["private_key"].startswith(
        "-----BEGIN RSA PRIVATE KEY-----"
    )


def test_missing_resources_are_created_again(lifecycle):
    assert lifecycle.restored.returncode == 0, lifecycle.restored.stderr
    # Every registry has the configurations of indexing and of events, so these two are only changed.
    assert "Resources: 42 added, 2 changed, 0 destroyed" in lifecycle.restored.stdout
    assert lifecycle.restored_names == lifecycle.changed_names
    assert lifecycle.restored_fields == lifecycle.changed_fields


def test_destroy_deletes_everything_in_the_registry(lifecycle):
    assert lifecycle.destroyed.returncode == 0, lifecycle.destroyed.stderr
    assert lifecycle.destroyed_names == {
        "things": {},
        "groups": {},
        "types": set(),
        "billing": set(),
        "policies": set(),
        "certificates": 0,
        "cas": 0,
        "templates": set(),
        "aliases": set(),
        "authorizers": set(),
        "domains": set(),
        "destinations": [],
        "rules": {},
    }
