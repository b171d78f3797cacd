"""The stacks of the page "Start from an example", made by plain calls of boto3, as scripts make them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support.example_stacks import AUTHORITY
from tests.support.registry_client import ACCOUNT, REGION

IOT = f"arn:aws:iot:{REGION}:{ACCOUNT}"
ROLES = f"arn:aws:iam::{ACCOUNT}:role"
FUNCTIONS = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function"
_OWN_CLIENT_ID = f"{IOT}:client/${{iot:Connection.Thing.ThingName}}"


def _make_telemetry(iot: Any, folder: Path) -> None:
    topic = f"{IOT}:topic/sensors/${{iot:Connection.Thing.ThingName}}/telemetry"
    _create_policy(iot, "sensor", _allow("iot:Connect", _OWN_CLIENT_ID), _allow("iot:Publish", topic))
    certificate = _create_certificate(iot, folder, "sensor-1", "sensor")
    iot.create_thing(thingName="sensor-1", attributePayload={"attributes": {"site": "oslo"}})
    iot.attach_thing_principal(thingName="sensor-1", principal=certificate)
    role = f"{ROLES}/telemetry-rule"
    kinesis = {"streamName": "telemetry", "partitionKey": "${topic(2)}", "roleArn": role}
    rule = {
        "description": "Everything that sensors measure",
        "sql": "SELECT *, topic(2) AS sensor, timestamp() AS received FROM 'sensors/+/telemetry'",
        "awsIotSqlVersion": "2016-03-23",
        "actions": [{"kinesis": kinesis}],
        "errorAction": {"cloudwatchLogs": {"logGroupName": "/iot/telemetry-errors", "roleArn": role}},
    }
    iot.create_topic_rule(ruleName="telemetry", topicRulePayload=rule)


def _make_just_in_time(iot: Any, _: Path) -> None:
    iot.create_thing_type(thingTypeName="meter", thingTypeProperties={"searchableAttributes": ["site"]})
    topic = f"{IOT}:topic/meters/${{iot:Connection.Thing.ThingName}}"
    _create_policy(iot, "meter", _allow("iot:Connect", _OWN_CLIENT_ID), _allow("iot:Publish", topic))
    common_name = "AWS::IoT::Certificate::CommonName"
    thing = {"ThingName": {"Ref": common_name}, "ThingTypeName": "meter"}
    _create_template(
        iot,
        "just-in-time",
        parameters=(common_name,),
        thing={"Type": "AWS::IoT::Thing", "Properties": thing},
        policy="meter",
        type="JITP",
    )
    code = iot.get_registration_code()["registrationCode"]
    iot.register_ca_certificate(
        caCertificate=AUTHORITY.pem,
        verificationCertificate=AUTHORITY.issue(code),
        setAsActive=True,
        allowAutoRegistration=True,
        registrationConfig={"templateName": "just-in-time"},
    )
    rule = {
        "description": "A function revokes the certificates of unknown meters",
        "sql": "SELECT * FROM '$aws/events/certificates/registered/#'",
        "actions": [{"lambda": {"functionArn": f"{FUNCTIONS}:check-new-meter"}}],
    }
    iot.create_topic_rule(ruleName="check_new_meter", topicRulePayload=rule)


def _make_claim(iot: Any, folder: Path) -> None:
    topics = ("$aws/certificates/create/*", "$aws/provisioning-templates/trackers/provision/*")
    _create_policy(
        iot,
        "claim",
        _allow("iot:Connect", f"{IOT}:client/claim-*"),
        _allow(["iot:Publish", "iot:Receive"], [f"{IOT}:topic/{topic}" for topic in topics]),
        _allow("iot:Subscribe", [f"{IOT}:topicfilter/{topic}" for topic in topics]),
    )
    topic = f"{IOT}:topic/trackers/${{iot:Connection.Thing.ThingName}}/*"
    _create_policy(iot, "tracker", _allow("iot:Connect", _OWN_CLIENT_ID), _allow("iot:Publish", topic))
    iot.create_thing_group(thingGroupName="trackers")
    name = {"Fn::Sub": ["tracker-${SerialNumber}", {"SerialNumber": {"Ref": "SerialNumber"}}]}
    thing = {
        "Type": "AWS::IoT::Thing",
        "Properties": {"ThingName": name, "ThingGroups": ["trackers"]},
        "OverrideSettings": {"ThingGroups": "MERGE"},
    }
    _create_template(
        iot,
        "trackers",
        parameters=("SerialNumber",),
        thing=thing,
        policy="tracker",
        description="Trackers that connect with the claim certificate",
        preProvisioningHook={"targetArn": f"{FUNCTIONS}:is-sold"},
    )
    _create_certificate(iot, folder, "claim", "claim")


def _make_custom_domain(iot: Any, folder: Path) -> None:
    iot.create_authorizer(
        authorizerName="tokens",
        authorizerFunctionArn=f"{FUNCTIONS}:check-token",
        tokenKeyName="token",
        tokenSigningPublicKeys={"first": (folder / "pki/token-key.pub").read_text()},
        status="ACTIVE",
    )
    server = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/0f2c8f66-9d2c-4d6c-8f3c-6a3a1b0e5d11"
    iot.create_domain_configuration(
        domainConfigurationName="devices",
        domainName="mqtt.example.com",
        serverCertificateArns=[server],
        authorizerConfig={"defaultAuthorizerName": "tokens"},
        authenticationType="CUSTOM_AUTH",
        applicationProtocol="SECURE_MQTT",
        tlsConfig={"securityPolicy": "IotSecurityPolicy_TLS13_1_2_2022_10"},
    )


def _make_greengrass(iot: Any, folder: Path) -> None:
    _create_policy(
        iot,
        "greengrass-core",
        _allow("iot:Connect", f"{IOT}:client/core-*"),
        _allow(["iot:Publish", "iot:Receive"], f"{IOT}:topic/$aws/things/core-*"),
        _allow("iot:Subscribe", f"{IOT}:topicfilter/$aws/things/core-*"),
        _allow("greengrass:*", "*"),
    )
    alias = "greengrass-token-exchange"
    iot.create_role_alias(roleAlias=alias, roleArn=f"{ROLES}/{alias}")
    _create_policy(iot, alias, _allow("iot:AssumeRoleWithCertificate", f"{IOT}:rolealias/{alias}"))
    certificate = _create_certificate(iot, folder, "core-1", "greengrass-core", alias)
    group = {"thingGroupDescription": "Receives the deployments"}
    iot.create_thing_group(thingGroupName="cores", thingGroupProperties=group)
    iot.create_thing(thingName="core-1")
    iot.attach_thing_principal(thingName="core-1", principal=certificate)
    iot.add_thing_to_thing_group(thingName="core-1", thingGroupName="cores")


def _make_device_defender(iot: Any, _: Path) -> None:
    checks = ["DEVICE_CERTIFICATE_EXPIRING_CHECK", "IOT_POLICY_OVERLY_PERMISSIVE_CHECK"]
    iot.update_account_audit_configuration(
        roleArn=f"{ROLES}/audit", auditCheckConfigurations={check: {"enabled": True} for check in checks}
    )
    iot.create_scheduled_audit(scheduledAuditName="daily", frequency="DAILY", targetCheckNames=checks)
    iot.create_custom_metric(
        metricName="battery",
        metricType="number",
        displayName="Battery charge in percent",
        clientRequestToken="battery",
    )
    iot.create_dimension(
        name="commands", type="TOPIC_FILTER", stringValues=["commands/+/#"], clientRequestToken="commands"
    )
    charged = {"comparisonOperator": "greater-than", "value": {"number": 10.0}, "durationSeconds": 300}
    few = {"comparisonOperator": "less-than", "value": {"count": 100}, "durationSeconds": 300}
    received, commands = "aws:num-messages-received", {"dimensionName": "commands"}
    target = {"alertTargetArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts", "roleArn": f"{ROLES}/alerts"}
    iot.create_security_profile(
        securityProfileName="devices",
        behaviors=[
            {"name": "battery-is-charged", "metric": "battery", "criteria": charged},
            {"name": "few-commands", "metric": received, "metricDimension": commands, "criteria": few},
        ],
        alertTargets={"SNS": target},
    )
    iot.attach_security_profile(
        securityProfileName="devices", securityProfileTargetArn=f"{IOT}:all/registered-things"
    )
    iot.create_thing_group(thingGroupName="quarantine")
    group = {"thingGroupNames": ["quarantine"], "overrideDynamicGroups": True}
    iot.create_mitigation_action(
        actionName="quarantine",
        roleArn=f"{ROLES}/mitigation",
        actionParams={"addThingsToThingGroupParams": group},
    )


def _make_bulk_import(iot: Any, folder: Path) -> None:
    iot.update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "REGISTRY"})
    columns = ("gateway", "profile", "site")
    iot.create_thing_type(
        thingTypeName="lora-node", thingTypeProperties={"searchableAttributes": list(columns)}
    )
    iot.create_billing_group(billingGroupName="lora")
    query = "thingTypeName:lora-node AND attributes.site:oslo"
    iot.create_dynamic_thing_group(thingGroupName="oslo", queryString=query)
    for row in csv.DictReader((folder / "nodes.csv").read_text().splitlines()):
        iot.create_thing(
            thingName=f"lora-{row['dev_eui']}",
            thingTypeName="lora-node",
            billingGroupName="lora",
            attributePayload={"attributes": row},
        )
    publish = _allow("iot:Publish", f"{IOT}:topic/lora/*")
    _create_policy(iot, "lora-gateway", _allow("iot:Connect", _OWN_CLIENT_ID), publish)
    for name in ("gw-1", "gw-2"):
        iot.create_thing(thingName=name)
        certificate = _create_certificate(iot, folder, name, "lora-gateway")
        iot.attach_thing_principal(thingName=name, principal=certificate)


def _allow(action: str | list[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def _create_policy(iot: Any, name: str, *statements: Mapping[str, Any]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iot.create_policy(policyName=name, policyDocument=document)


def _create_certificate(iot: Any, folder: Path, name: str, *policies: str) -> str:
    """Create a key and a certificate, save both, attach the policies, and return the certificate's ARN."""
    response = iot.create_keys_and_certificate(setAsActive=True)
    (folder / f"keys/{name}.pem").write_text(response["keyPair"]["PrivateKey"])
    (folder / f"keys/{name}.crt").write_text(response["certificatePem"])
    arn: str = response["certificateArn"]
    for policy in policies:
        iot.attach_policy(policyName=policy, target=arn)
    return arn


def _create_template(
    iot: Any, name: str, *, parameters: tuple[str, ...], thing: Mapping[str, Any], policy: str, **members: Any
) -> None:
    """Create an enabled template with a certificate, which its parameters name by its ID, and a policy."""
    certificate_id = "AWS::IoT::Certificate::Id"
    certificate = {"CertificateId": {"Ref": certificate_id}, "Status": "ACTIVE"}
    body = {
        "Parameters": {parameter: {"Type": "String"} for parameter in (*parameters, certificate_id)},
        "Resources": {
            "thing": thing,
            "certificate": {"Type": "AWS::IoT::Certificate", "Properties": certificate},
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": policy}},
        },
    }
    iot.create_provisioning_template(
        templateName=name,
        templateBody=json.dumps(body),
        enabled=True,
        provisioningRoleArn=f"{ROLES}/provisioning",
        **members,
    )


HANDMADE: Mapping[str, Callable[[Any, Path], None]] = {
    "telemetry": _make_telemetry,
    "just_in_time": _make_just_in_time,
    "claim": _make_claim,
    "custom_domain": _make_custom_domain,
    "greengrass": _make_greengrass,
    "device_defender": _make_device_defender,
    "bulk_import": _make_bulk_import,
}
"""For each stack, the function that makes it with a client; it saves keys and certificates where the stack's file expects them."""
