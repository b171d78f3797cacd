"""The fleet that `tests/registry/terraform` configures: its input files, and reads with boto3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support import pki
from tests.support.registry_server import RunningServer

POLICY = "policy=,.@-_+"


def write_input_files(folder: Path) -> pki.Authority:
    """Write the files that the configuration reads, and return the CA whose registration is verified."""
    factory, other_factory, verified = (pki.Authority(name) for name in ("Factory", "Other", "Verified"))
    (folder / "ca.pem").write_text(factory.pem)
    (folder / "signed.pem").write_text(factory.issue("pump-7"))
    (folder / "signed-by-other-ca.pem").write_text(other_factory.issue("pump-8"))
    (folder / "device.csr").write_text(pki.make_signing_request("pump-9"))
    (folder / "verified-ca.pem").write_text(verified.pem)
    (folder / "signing-key.pem").write_text("KEY")
    return verified


def write_verification(server: RunningServer, authority: pki.Authority, folder: Path) -> None:
    """Write the verification certificate for the registration code."""
    code = server.create_client("iot").get_registration_code()["registrationCode"]
    (folder / "verification.pem").write_text(authority.issue(code))


def enable_group_indexing(server: RunningServer) -> None:
    """Enable the indexing of groups, which the configuration disables first and enables with the change."""
    iot = server.create_client("iot")
    iot.update_indexing_configuration(thingGroupIndexingConfiguration={"thingGroupIndexingMode": "ON"})


def read_names(server: RunningServer) -> dict[str, Any]:
    """Return what boto3 reads from the registry: names of resources by kind.

    Things have their attributes, too, and groups their members; certificates and CAs are only counted.
    """
    iot = server.create_client("iot")
    groups = [group["groupName"] for group in iot.list_thing_groups()["thingGroups"]]
    return {
        "things": {item["thingName"]: item["attributes"] for item in iot.list_things()["things"]},
        "groups": {name: iot.list_things_in_thing_group(thingGroupName=name)["things"] for name in groups},
        "types": {item["thingTypeName"] for item in iot.list_thing_types()["thingTypes"]},
        "billing": {item["groupName"] for item in iot.list_billing_groups()["billingGroups"]},
        "policies": {item["policyName"] for item in iot.list_policies()["policies"]},
        "certificates": len(iot.list_certificates()["certificates"]),
        "cas": len(iot.list_ca_certificates()["certificates"]),
        "templates": {item["templateName"] for item in iot.list_provisioning_templates()["templates"]},
        "aliases": set(iot.list_role_aliases()["roleAliases"]),
        "authorizers": {item["authorizerName"] for item in iot.list_authorizers()["authorizers"]},
        "domains": {
            item["domainConfigurationName"]
            for item in iot.list_domain_configurations()["domainConfigurations"]
            if not item["domainConfigurationName"].startswith("iot:")  # AWS's own
        },
        "rules": {rule["ruleName"]: rule["topicPattern"] for rule in iot.list_topic_rules()["rules"]},
        "destinations": [
            (item["vpcDestinationSummary"]["vpcId"], item["status"])
            for item in iot.list_topic_rule_destinations()["destinationSummaries"]
            if "vpcDestinationSummary"
            in item  # AWS itself creates that of the HTTP action, and nothing deletes it
        ],
    }


def read_fields(server: RunningServer, authority: pki.Authority) -> dict[str, Any]:
    """Return what the registry has of the resources in `fields.tf`, read with boto3."""
    iot = server.create_client("iot")
    thing = iot.describe_thing(thingName="full:1_a-B")
    group = iot.describe_thing_group(thingGroupName="full")
    thing_type = iot.describe_thing_type(thingTypeName="full")
    template = iot.describe_provisioning_template(templateName="template")
    alias = iot.describe_role_alias(roleAlias="alias")["roleAliasDescription"]
    indexing = iot.get_indexing_configuration()["thingIndexingConfiguration"]
    events = iot.describe_event_configurations()["eventConfigurations"]
    versions = iot.list_policy_versions(policyName=POLICY)["policyVersions"]
    ca_id = pki.compute_certificate_id(authority.pem)
    ca = iot.describe_ca_certificate(certificateId=ca_id)["certificateDescription"]
    authorizer = iot.describe_authorizer(authorizerName="signed")["authorizerDescription"]
    domain = iot.describe_domain_configuration(domainConfigurationName="devices")
    return {
        "thing": (thing.get("thingTypeName"), thing["attributes"]),
        "group": group["thingGroupProperties"],
        "deprecated": thing_type["thingTypeMetadata"]["deprecated"],
        "billing": iot.describe_billing_group(billingGroupName="full")["billingGroupProperties"],
        "policy": json.loads(iot.get_policy(policyName=POLICY)["policyDocument"])["Statement"],
        "has at most 5 versions": len(versions) <= 5,
        "policy target count": len(iot.list_targets_for_policy(policyName=POLICY)["targets"]),
        "principals": len(iot.list_thing_principals(thingName="bare")["principals"]),
        "ca": ca["status"],
        "alias": (alias["credentialDurationSeconds"], alias["roleArn"].rpartition("/")[2]),
        "template": (
            template["description"],
            template["enabled"],
            template["preProvisioningHook"]["targetArn"],
        ),
        "named shadows": sorted(indexing["filter"]["namedShadowNames"]),
        "custom fields": sorted(field["name"] for field in indexing["customFields"]),
        "indexes": iot.list_indices()["indexNames"],
        "events": {event: setting["Enabled"] for event, setting in events.items()},
        "authorizer": (authorizer["tokenKeyName"], authorizer["enableCachingForHttp"]),
        "domain": (
            domain["authorizerConfig"]["allowAuthorizerOverride"],
            domain["tlsConfig"]["securityPolicy"],
        ),
        "tags": {
            arn.split(":")[-1].split("/")[0]: _read_tags(server, arn)
            for arn in (
                group["thingGroupArn"],
                thing_type["thingTypeArn"],
                template["templateArn"],
                alias["roleAliasArn"],
                ca["certificateArn"],
                authorizer["authorizerArn"],
                domain["domainConfigurationArn"],
                iot.get_policy(policyName=POLICY)["policyArn"],
                iot.get_topic_rule(ruleName="full")["ruleArn"],
            )
        },
    }


def _read_tags(server: RunningServer, arn: str) -> dict[str, str]:
    tags = server.create_client("iot").list_tags_for_resource(resourceArn=arn)["tags"]
    return {tag["Key"]: tag["Value"] for tag in tags}
