"""Terraform's AWS provider over the fields of every noun: each is changed, imported, and lost behind Terraform's back.

The situations are those of the provider's own acceptance tests, which run against AWS.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from tests.support import pki, terraform
from tests.support.registry_server import Served, served

CONFIG = (Path(__file__).parent / "terraform" / "nouns.tf").read_text()
TERRAFORM = terraform.find()
# Terraform merges this into the provider's block.
DEFAULT_TAGS = 'provider "aws" {\n  default_tags { tags = { owner = var.owner } }\n}\n'
POLICY = "policy=,.@-_+"
# What the provider can import, and by which id.
IMPORTS = {
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
}

pytestmark = pytest.mark.skipif(isinstance(TERRAFORM, str), reason=str(TERRAFORM))


@frozen
class Life:
    """What Terraform said to each stage, its state after the imports, and what the registry held."""

    applied: Any
    changed: Any
    imported: Any
    restored: Any
    state: dict[str, Any]
    held: dict[str, Any]
    held_again: dict[str, Any]


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nouns")
    authority = pki.Authority("Factory")
    (folder / "ca.pem").write_text(authority.pem)
    (folder / "tags_override.tf").write_text(DEFAULT_TAGS)
    later = ("apply", "-auto-approve", "-no-color", "-var", "later=true")
    with served("--thing-type-deletion", "0s") as server:
        _prove(server, authority, folder)
        TERRAFORM.prepare(folder, server.url, CONFIG)
        applied = TERRAFORM.run(folder, "apply", "-auto-approve", "-no-color")
        _fill_versions(server)
        changed = TERRAFORM.run(folder, *later)
        held = _held(server)
        TERRAFORM.run(folder, "state", "rm", *IMPORTS)
        blocks = [f'import {{\n  to = {address}\n  id = "{name}"\n}}\n' for address, name in IMPORTS.items()]
        (folder / "imports.tf").write_text("".join(blocks))
        imported = TERRAFORM.run(folder, *later)
        (folder / "imports.tf").unlink()
        state = _instances(folder)
        server.reset()
        _prove(server, authority, folder)
        restored = TERRAFORM.run(folder, *later)
        held_again = _held(server)
    return Life(applied, changed, imported, restored, state, held, held_again)


def _prove(server: Served, authority: pki.Authority, folder: Path) -> None:
    """Write the certificate by which the CA's owner answers the registration code."""
    code = server.client("iot").get_registration_code()["registrationCode"]
    (folder / "verification.pem").write_text(authority.issue(code))


def _fill_versions(server: Served) -> None:
    """Give the policy as many versions as it may have, so that the next one needs the room of the oldest."""
    iot = server.client("iot")
    document = iot.get_policy(policyName=POLICY)["policyDocument"]
    for _ in range(4):
        iot.create_policy_version(policyName=POLICY, policyDocument=document)


def _instances(folder: Path) -> dict[str, Any]:
    """The attributes of every resource, by its address, as the state has them."""
    found = json.loads((folder / "terraform.tfstate").read_text())["resources"]
    return {f"{one['type']}.{one['name']}": one["instances"][0]["attributes"] for one in found}


def _tags(server: Served, arn: str) -> dict[str, str]:
    found = server.client("iot").list_tags_for_resource(resourceArn=arn)["tags"]
    return {tag["Key"]: tag["Value"] for tag in found}


def _held(server: Served) -> dict[str, Any]:
    """What the registry holds of what was changed, through plain boto3."""
    iot = server.client("iot")
    thing = iot.describe_thing(thingName="full:1_a-B")
    group = iot.describe_thing_group(thingGroupName="full")
    kind = iot.describe_thing_type(thingTypeName="full")
    template = iot.describe_provisioning_template(templateName="template")
    alias = iot.describe_role_alias(roleAlias="alias")["roleAliasDescription"]
    indexing = iot.get_indexing_configuration()["thingIndexingConfiguration"]
    versions = iot.list_policy_versions(policyName=POLICY)["policyVersions"]
    authority = iot.list_ca_certificates()["certificates"][0]
    return {
        "thing": (thing.get("thingTypeName"), thing["attributes"]),
        "group": group["thingGroupProperties"],
        "deprecated": kind["thingTypeMetadata"]["deprecated"],
        "billing": iot.describe_billing_group(billingGroupName="full")["billingGroupProperties"],
        "policy": json.loads(iot.get_policy(policyName=POLICY)["policyDocument"])["Statement"],
        "versions": len(versions) <= 5,
        "policy of": len(iot.list_targets_for_policy(policyName=POLICY)["targets"]),
        "principals": len(iot.list_thing_principals(thingName="bare")["principals"]),
        "ca": authority["status"],
        "alias": (alias["credentialDurationSeconds"], alias["roleArn"].rpartition("/")[2]),
        "template": (
            template["description"],
            template["enabled"],
            template["preProvisioningHook"]["targetArn"],
        ),
        "named shadows": sorted(indexing["filter"]["namedShadowNames"]),
        "custom fields": sorted(field["name"] for field in indexing["customFields"]),
        "indexes": iot.list_indices()["indexNames"],
        "events": {
            one["Enabled"] for one in iot.describe_event_configurations()["eventConfigurations"].values()
        },
        "tags": {
            arn.split(":")[-1].split("/")[0]: _tags(server, arn)
            for arn in (
                group["thingGroupArn"],
                kind["thingTypeArn"],
                template["templateArn"],
                alias["roleAliasArn"],
                authority["certificateArn"],
                iot.get_policy(policyName=POLICY)["policyArn"],
            )
        },
    }


TAGS = {"kept": "changed", "came": "user@example.com", "owner": "line-a"}
TAGGED = ("thinggroup", "thingtype", "provisioningtemplate", "rolealias", "cacert", "policy")


def test_every_noun_is_created(life):
    assert life.applied.returncode == 0, life.applied.stderr
    assert "Resources: 21 added, 0 changed, 0 destroyed" in life.applied.stdout


def test_every_field_is_changed_in_place_and_attachments_are_replaced(life):
    assert life.changed.returncode == 0, life.changed.stderr
    assert "Resources: 2 added, 11 changed, 2 destroyed" in life.changed.stdout
    assert life.held == {
        "thing": (None, {"line": "b", "hall": "3"}),
        "group": {
            "thingGroupDescription": "Another",
            "attributePayload": {"attributes": {"b": "2", "c": "3"}},
        },
        "deprecated": False,
        "billing": {"billingGroupDescription": "Another"},
        "policy": [{"Action": ["iot:*"], "Effect": "Allow", "Resource": ["*"]}],
        "versions": True,
        "policy of": 2,
        "principals": 1,
        "ca": "ACTIVE",
        "alias": (1800, "second"),
        "template": ("For tests", True, "arn:aws:lambda:eu-west-1:123456789012:function:hook"),
        "named shadows": ["$package", "settings"],
        "custom fields": ["attributes.version", "shadow.name.settings.desired.mode"],
        "indexes": ["AWS_Things", "AWS_ThingGroups"],
        "events": {True},
        "tags": dict.fromkeys(TAGGED, TAGS),
    }


def test_the_state_has_what_aws_computes(life):
    group = life.state["aws_iot_thing_group.full"]["metadata"][0]
    indexing = life.state["aws_iot_indexing_configuration.i"]
    authority = life.state["aws_iot_ca_certificate.ca"]

    assert [above["group_name"] for above in group["root_to_parent_groups"]] == ["grandparent", "parent"]
    assert group["parent_group_name"] == "parent"
    assert len(indexing["thing_indexing_configuration"][0]["managed_field"]) == 22
    assert len(indexing["thing_group_indexing_configuration"][0]["managed_field"]) == 5
    assert (authority["customer_version"], len(authority["validity"])) == (2, 1)
    assert life.state["aws_iot_certificate.keys"]["private_key"].startswith("-----BEGIN RSA PRIVATE KEY-----")


def test_what_is_imported_needs_no_change(life):
    assert life.imported.returncode == 0, life.imported.stderr
    assert "Resources: 15 imported, 0 added, 0 changed, 0 destroyed" in life.imported.stdout


def test_what_disappeared_is_created_anew(life):
    assert life.restored.returncode == 0, life.restored.stderr
    assert "Resources: 19 added, 2 changed, 0 destroyed" in life.restored.stdout
    assert life.held_again == life.held
