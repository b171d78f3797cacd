"""Terraform's AWS provider: the resources of `nouns.tf` are changed, imported and created again.

The provider's own acceptance tests, which run against AWS, cover the same situations.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from tests.support import pki, terraform
from tests.support.registry_server import RunningServer, serve_registry

CONFIG = (Path(__file__).parent / "terraform" / "nouns.tf").read_text()
TERRAFORM = terraform.find_terraform()
# The content of an override file, which Terraform merges into the provider's block.
DEFAULT_TAGS = 'provider "aws" {\n  default_tags { tags = { owner = var.owner } }\n}\n'
POLICY = "policy=,.@-_+"
# The resources that the provider can import, and their import IDs.
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

pytestmark = [
    pytest.mark.skipif(isinstance(TERRAFORM, str), reason=str(TERRAFORM)),
    pytest.mark.xdist_group("Terraform nouns"),  # one worker runs the slow fixture
]


@frozen
class Lifecycle:
    """The result of each stage, Terraform's state after the imports, and the registry's contents.

    `contents` are those after the changes, `contents_restored` those after the last stage, which begins with an empty registry.
    """

    applied: Any
    changed: Any
    imported: Any
    restored: Any
    state: dict[str, Any]
    contents: dict[str, Any]
    contents_restored: dict[str, Any]


@pytest.fixture(scope="module")
def lifecycle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nouns")
    authority = pki.Authority("Factory")
    (folder / "ca.pem").write_text(authority.pem)
    (folder / "tags_override.tf").write_text(DEFAULT_TAGS)
    changed_apply_arguments = ("apply", "-auto-approve", "-no-color", "-var", "later=true")
    with serve_registry("--thing-type-deletion", "0s") as server:
        _write_verification(server, authority, folder)
        TERRAFORM.prepare(folder, server.url, CONFIG)
        applied = TERRAFORM.run(folder, "apply", "-auto-approve", "-no-color")
        _fill_versions(server)
        changed = TERRAFORM.run(folder, *changed_apply_arguments)
        contents = _contents(server)
        TERRAFORM.run(folder, "state", "rm", *IMPORTS)
        blocks = [f'import {{\n  to = {address}\n  id = "{name}"\n}}\n' for address, name in IMPORTS.items()]
        (folder / "imports.tf").write_text("".join(blocks))
        imported = TERRAFORM.run(folder, *changed_apply_arguments)
        (folder / "imports.tf").unlink()
        state = _state_attributes(folder)
        server.reset()
        _write_verification(server, authority, folder)
        restored = TERRAFORM.run(folder, *changed_apply_arguments)
        contents_restored = _contents(server)
    return Lifecycle(applied, changed, imported, restored, state, contents, contents_restored)


def _write_verification(server: RunningServer, authority: pki.Authority, folder: Path) -> None:
    """Write the verification certificate for the registration code."""
    code = server.create_client("iot").get_registration_code()["registrationCode"]
    (folder / "verification.pem").write_text(authority.issue(code))


def _fill_versions(server: RunningServer) -> None:
    """Create as many policy versions as allowed, so that the next one requires the deletion of the oldest."""
    iot = server.create_client("iot")
    document = iot.get_policy(policyName=POLICY)["policyDocument"]
    for _ in range(4):
        iot.create_policy_version(policyName=POLICY, policyDocument=document)


def _state_attributes(folder: Path) -> dict[str, Any]:
    """Return the attributes of every resource in Terraform's state, by address."""
    resources = json.loads((folder / "terraform.tfstate").read_text())["resources"]
    return {
        f"{resource['type']}.{resource['name']}": resource["instances"][0]["attributes"]
        for resource in resources
    }


def _tags(server: RunningServer, arn: str) -> dict[str, str]:
    tags = server.create_client("iot").list_tags_for_resource(resourceArn=arn)["tags"]
    return {tag["Key"]: tag["Value"] for tag in tags}


def _contents(server: RunningServer) -> dict[str, Any]:
    """Return what the registry has of the changed resources, read with boto3."""
    iot = server.create_client("iot")
    thing = iot.describe_thing(thingName="full:1_a-B")
    group = iot.describe_thing_group(thingGroupName="full")
    thing_type = iot.describe_thing_type(thingTypeName="full")
    template = iot.describe_provisioning_template(templateName="template")
    alias = iot.describe_role_alias(roleAlias="alias")["roleAliasDescription"]
    indexing = iot.get_indexing_configuration()["thingIndexingConfiguration"]
    versions = iot.list_policy_versions(policyName=POLICY)["policyVersions"]
    authority = iot.list_ca_certificates()["certificates"][0]
    return {
        "thing": (thing.get("thingTypeName"), thing["attributes"]),
        "group": group["thingGroupProperties"],
        "deprecated": thing_type["thingTypeMetadata"]["deprecated"],
        "billing": iot.describe_billing_group(billingGroupName="full")["billingGroupProperties"],
        "policy": json.loads(iot.get_policy(policyName=POLICY)["policyDocument"])["Statement"],
        "has at most 5 versions": len(versions) <= 5,
        "policy target count": len(iot.list_targets_for_policy(policyName=POLICY)["targets"]),
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
            event["Enabled"] for event in iot.describe_event_configurations()["eventConfigurations"].values()
        },
        "tags": {
            arn.split(":")[-1].split("/")[0]: _tags(server, arn)
            for arn in (
                group["thingGroupArn"],
                thing_type["thingTypeArn"],
                template["templateArn"],
                alias["roleAliasArn"],
                authority["certificateArn"],
                iot.get_policy(policyName=POLICY)["policyArn"],
            )
        },
    }


TAGS = {"kept": "changed", "came": "user@example.com", "owner": "line-a"}
TAGGED = ("thinggroup", "thingtype", "provisioningtemplate", "rolealias", "cacert", "policy")


def test_terraform_creates_every_resource(lifecycle):
    assert lifecycle.applied.returncode == 0, lifecycle.applied.stderr
    assert "Resources: 21 added, 0 changed, 0 destroyed" in lifecycle.applied.stdout


def test_fields_are_changed_in_place_and_attachments_are_replaced(lifecycle):
    assert lifecycle.changed.returncode == 0, lifecycle.changed.stderr
    assert "Resources: 2 added, 11 changed, 2 destroyed" in lifecycle.changed.stdout
    assert lifecycle.contents == {
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
        "events": {True},
        "tags": dict.fromkeys(TAGGED, TAGS),
    }


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


def test_imported_resources_need_no_change(lifecycle):
    assert lifecycle.imported.returncode == 0, lifecycle.imported.stderr
    assert "Resources: 15 imported, 0 added, 0 changed, 0 destroyed" in lifecycle.imported.stdout


def test_missing_resources_are_created_again(lifecycle):
    assert lifecycle.restored.returncode == 0, lifecycle.restored.stderr
    # Every registry has the configurations of indexing and of events, so these two are only changed.
    assert "Resources: 19 added, 2 changed, 0 destroyed" in lifecycle.restored.stdout
    assert lifecycle.contents_restored == lifecycle.contents
