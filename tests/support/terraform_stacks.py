"""Terraform states of the example stacks, with the attributes of version 5.100 of the AWS provider."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.example_stacks import AUTHORITY
from tests.support.handmade_stacks import FUNCTIONS, IOT, ROLES
from tests.support.pki import compute_certificate_id

_NO_TAGS = {"tags": None, "tags_all": {}}
_OTHER_ACTIONS: Mapping[str, Sequence[Any]] = {
    name: []
    for name in ("dynamodbv2", "firehose", "http", "kinesis", "lambda", "republish", "s3", "sns", "sqs")
}
_SENSITIVE: Mapping[str, Sequence[str]] = {
    "certificate": ("ca_pem", "certificate_pem", "private_key", "public_key"),
    "ca_certificate": ("ca_certificate_pem", "verification_certificate_pem"),
}
"""The attributes that the provider marks as sensitive, by noun."""


def build_terraform_state(stack: str, iot: Any, folder: Path) -> str:
    """Return the state of a stack, which `HANDMADE` made with the client and the folder."""
    resources = [
        {
            "mode": "managed",
            "type": f"aws_iot_{noun}",
            "name": f"r{number}",
            "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
            "instances": [
                {
                    "schema_version": 0,
                    "attributes": {**attributes},
                    "sensitive_attributes": [
                        [{"type": "get_attr", "value": name}] for name in _SENSITIVE.get(noun, ())
                    ],
                }
            ],
        }
        for number, (noun, attributes) in enumerate(_list_resources(stack, iot, folder))
    ]
    return json.dumps({"version": 4, "terraform_version": "1.11.4", "serial": 1, "resources": resources})


def _list_resources(stack: str, iot: Any, folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from _list_policies(iot)
    yield from _list_certificates(iot, folder)
    yield from _SPECIAL[stack](folder)


def _list_policies(iot: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for item in iot.list_policies()["policies"]:
        policy = iot.get_policy(policyName=item["policyName"])
        yield (
            "policy",
            {
                **_NO_TAGS,
                "arn": policy["policyArn"],
                "default_version_id": "1",
                "id": policy["policyName"],
                "name": policy["policyName"],
                "policy": policy["policyDocument"],
                "timeouts": None,
            },
        )


def _list_certificates(iot: Any, folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the certificates of the folder `keys`, and all attachments to them."""
    for path in sorted((folder / "keys").glob("*.crt")):
        identity = compute_certificate_id(path.read_text())
        arn = f"{IOT}:cert/{identity}"
        yield (
            "certificate",
            {
                "active": True,
                "arn": arn,
                "ca_certificate_id": "",
                "ca_pem": None,
                "certificate_pem": path.read_text(),
                "csr": None,
                "id": identity,
                "private_key": path.with_suffix(".pem").read_text(),
                "public_key": "",
            },
        )
        for policy in iot.list_attached_policies(target=arn)["policies"]:
            yield "policy_attachment", {"id": "x", "policy": policy["policyName"], "target": arn}
        for thing in iot.list_principal_things(principal=arn)["things"]:
            attachment = {"thing": thing, "principal": arn, "thing_principal_type": None}
            yield "thing_principal_attachment", {"id": "x", **attachment}


def _list_telemetry(_: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "thing", _build_thing("sensor-1", {"site": "oslo"})
    role = f"{ROLES}/telemetry-rule"
    logs = {"batch_mode": False, "log_group_name": "/iot/telemetry-errors", "role_arn": role}
    yield (
        "topic_rule",
        _build_rule(
            "telemetry",
            description="Everything that sensors measure",
            sql="SELECT *, topic(2) AS sensor, timestamp() AS received FROM 'sensors/+/telemetry'",
            sql_version="2016-03-23",
            kinesis=[{"partition_key": "${topic(2)}", "role_arn": role, "stream_name": "telemetry"}],
            error_action=[{**_OTHER_ACTIONS, "cloudwatch_logs": [logs]}],
        ),
    )


def _list_just_in_time(_: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "thing_type", _build_type("meter", "site")
    template = _build_body("AWS::IoT::Certificate::CommonName", "meter")
    name = {"Ref": "AWS::IoT::Certificate::CommonName"}
    properties = {"ThingName": name, "ThingTypeName": "meter"}
    template["Resources"]["thing"] = {"Type": "AWS::IoT::Thing", "Properties": properties}
    yield "provisioning_template", _build_template("just-in-time", template, type="JITP")
    config = {"role_arn": "", "template_body": "", "template_name": "just-in-time"}
    yield (
        "ca_certificate",
        {
            **_NO_TAGS,
            "active": True,
            "allow_auto_registration": True,
            "arn": f"{IOT}:cacert/{compute_certificate_id(AUTHORITY.pem)}",
            "ca_certificate_pem": AUTHORITY.pem,
            "certificate_mode": "DEFAULT",
            "customer_version": 1,
            "generation_id": "x",
            "id": compute_certificate_id(AUTHORITY.pem),
            "registration_config": [config],
            "validity": [{"not_after": "2035-01-01T00:00:00Z", "not_before": "2025-01-01T00:00:00Z"}],
            "verification_certificate_pem": AUTHORITY.issue("code"),
        },
    )
    yield (
        "topic_rule",
        _build_rule(
            "check_new_meter",
            description="A function revokes the certificates of unknown meters",
            sql="SELECT * FROM '$aws/events/certificates/registered/#'",
            sql_version="2015-10-08",
            **{"lambda": [{"function_arn": f"{FUNCTIONS}:check-new-meter"}]},
        ),
    )


def _list_claim(_: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "thing_group", _build_group("trackers")
    template = _build_body("SerialNumber", "tracker")
    name = {"Fn::Sub": ["tracker-${SerialNumber}", {"SerialNumber": {"Ref": "SerialNumber"}}]}
    template["Resources"]["thing"] = {
        "Type": "AWS::IoT::Thing",
        "Properties": {"ThingName": name, "ThingGroups": ["trackers"]},
        "OverrideSettings": {"ThingGroups": "MERGE"},
    }
    hook = {"payload_version": "2020-04-01", "target_arn": f"{FUNCTIONS}:is-sold"}
    description = "Trackers that connect with the claim certificate"
    members = {"description": description, "pre_provisioning_hook": [hook], "type": "FLEET_PROVISIONING"}
    yield "provisioning_template", _build_template("trackers", template, **members)


def _list_custom_domain(folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield (
        "authorizer",
        {
            **_NO_TAGS,
            "arn": f"{IOT}:authorizer/tokens",
            "authorizer_function_arn": f"{FUNCTIONS}:check-token",
            "enable_caching_for_http": False,
            "id": "tokens",
            "name": "tokens",
            "signing_disabled": False,
            "status": "ACTIVE",
            "token_key_name": "token",
            "token_signing_public_keys": {"first": (folder / "pki/token-key.pub").read_text()},
        },
    )
    certificate = IOT.replace(":iot:", ":acm:") + ":certificate/0f2c8f66-9d2c-4d6c-8f3c-6a3a1b0e5d11"
    yield (
        "domain_configuration",
        {
            **_NO_TAGS,
            "application_protocol": "SECURE_MQTT",
            "arn": f"{IOT}:domainconfiguration/devices/abcde",
            "authentication_type": "CUSTOM_AUTH",
            "authorizer_config": [{"allow_authorizer_override": False, "default_authorizer_name": "tokens"}],
            "domain_name": "mqtt.example.com",
            "domain_type": "CUSTOMER_MANAGED",
            "id": "devices",
            "name": "devices",
            "server_certificate_arns": [certificate],
            "service_type": "DATA",
            "status": "ENABLED",
            "tls_config": [{"security_policy": "IotSecurityPolicy_TLS13_1_2_2022_10"}],
            "validation_certificate_arn": None,
        },
    )


def _list_greengrass(_: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "thing", _build_thing("core-1", None)
    yield "thing_group", _build_group("cores", "Receives the deployments")
    yield (
        "thing_group_membership",
        {
            "id": "cores/core-1",
            "override_dynamic_group": None,
            "thing_group_name": "cores",
            "thing_name": "core-1",
        },
    )
    alias = "greengrass-token-exchange"
    yield (
        "role_alias",
        {
            **_NO_TAGS,
            "alias": alias,
            "arn": f"{IOT}:rolealias/{alias}",
            "credential_duration": 3600,
            "id": alias,
            "role_arn": f"{ROLES}/{alias}",
        },
    )


def _list_bulk_import(folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "thing_type", _build_type("lora-node", "gateway", "profile", "site")
    arn = f"{IOT}:billinggroup/lora"
    metadata = [{"creation_date": "2025-01-01T00:00:00Z"}]
    names = {"arn": arn, "id": "lora", "name": "lora"}
    yield "billing_group", {**_NO_TAGS, **names, "metadata": metadata, "properties": [], "version": 1}
    for row in csv.DictReader((folder / "nodes.csv").read_text().splitlines()):
        yield "thing", _build_thing(f"lora-{row['dev_eui']}", row, "lora-node")
    yield "thing", _build_thing("gw-1", None)
    yield "thing", _build_thing("gw-2", None)
    fields = {"custom_field": [], "filter": [], "managed_field": [], "thing_indexing_mode": "REGISTRY"}
    yield "indexing_configuration", {"id": "x", "thing_indexing_configuration": [fields]}


_SPECIAL = {
    "telemetry": _list_telemetry,
    "just_in_time": _list_just_in_time,
    "claim": _list_claim,
    "custom_domain": _list_custom_domain,
    "greengrass": _list_greengrass,
    "bulk_import": _list_bulk_import,
}
TERRAFORM_STACKS = tuple(_SPECIAL)
"""The stacks of which the provider has resources."""


def _build_thing(name: str, attributes: Mapping[str, str] | None, thing_type: str = "") -> Mapping[str, Any]:
    return {
        "arn": f"{IOT}:thing/{name}",
        "attributes": attributes,
        "default_client_id": name,
        "id": name,
        "name": name,
        "thing_type_name": thing_type,
        "version": 1,
    }


def _build_type(name: str, *attributes: str) -> Mapping[str, Any]:
    properties = {"description": "", "mqtt5_configuration": [], "searchable_attributes": list(attributes)}
    names = {"arn": f"{IOT}:thingtype/{name}", "id": name, "name": name}
    return {**_NO_TAGS, **names, "deprecated": False, "properties": [properties]}


def _build_group(name: str, description: str = "") -> Mapping[str, Any]:
    names = {"arn": f"{IOT}:thinggroup/{name}", "id": name, "name": name}
    properties = [{"attribute_payload": [], "description": description}]
    metadata = [{"creation_date": "x", "parent_group_name": "", "root_to_parent_groups": []}]
    more = {"metadata": metadata, "parent_group_name": "", "version": 1}
    return {**_NO_TAGS, **names, **more, "properties": properties if description else []}


def _build_rule(name: str, **members: Any) -> Mapping[str, Any]:
    names = {"arn": f"{IOT}:rule/{name}", "id": name, "name": name}
    return {**_NO_TAGS, **_OTHER_ACTIONS, "error_action": [], **names, "enabled": True, **members}


def _build_template(name: str, body: Mapping[str, Any], **members: Any) -> Mapping[str, Any]:
    return {
        **_NO_TAGS,
        "arn": f"{IOT}:provisioningtemplate/{name}",
        "default_version_id": 1,
        "description": "",
        "enabled": True,
        "id": name,
        "name": name,
        "pre_provisioning_hook": [],
        "provisioning_role_arn": f"{ROLES}/provisioning",
        "template_body": json.dumps(body),
        **members,
    }


def _build_body(parameter: str, policy: str) -> dict[str, Any]:
    identity = "AWS::IoT::Certificate::Id"
    certificate = {"CertificateId": {"Ref": identity}, "Status": "ACTIVE"}
    return {
        "Parameters": {parameter: {"Type": "String"}, identity: {"Type": "String"}},
        "Resources": {
            "certificate": {"Type": "AWS::IoT::Certificate", "Properties": certificate},
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": policy}},
        },
    }
