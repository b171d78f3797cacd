"""Account settings of Terraform and CloudFormation become tables `[account.*]` and log levels."""

from __future__ import annotations

import json
from typing import Any

from reconciler.convert.cloudformation_template import read_template_resources
from reconciler.convert.fields import Variables
from reconciler.convert.tables import Conversion, convert_source
from reconciler.convert.terraform_state import parse_terraform_state
from reconciler.model.address import Address
from reconciler.model.pem import Pem

ROLE = "arn:aws:iam::123456789012:role/logs"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/a"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:audits"


def _write_pem(address: Address, pem: Pem) -> str:
    raise AssertionError((address, pem))


def convert_state(**attributes_by_type: dict[str, Any]) -> Conversion:
    resources = [
        {
            "mode": "managed",
            "type": type_name,
            "name": "x",
            "instances": [{"attributes": {"id": "x", **attributes}}],
        }
        for type_name, attributes in attributes_by_type.items()
    ]
    state = json.dumps({"version": 4, "resources": resources})
    return convert_source(parse_terraform_state(state, "state"), _write_pem)


def convert_template(**resources: tuple[str, dict[str, Any]]) -> Conversion:
    template = {
        "Resources": {
            name: {"Type": f"AWS::IoT::{noun}", "Properties": properties}
            for name, (noun, properties) in resources.items()
        }
    }
    variables = Variables()
    source = read_template_resources(
        template, "template", parameters={}, physical_ids={}, variables=variables
    )
    return convert_source(source, _write_pem, variables=variables)


def list_tables(conversion: Conversion) -> dict[str, dict[str, Any]]:
    assert (dict(conversion.left_out), conversion.notes) == ({}, ())
    return {str(table.address): dict(table.fields) for table in conversion.tables}


def test_settings_in_a_terraform_state_become_sections():
    indexing = {
        "thing_indexing_configuration": [
            {
                "thing_indexing_mode": "REGISTRY",
                "thing_connectivity_indexing_mode": "STATUS",
                "device_defender_indexing_mode": "OFF",
                "named_shadow_indexing_mode": "ON",
                "filter": [{"named_shadow_names": ["b", "a"]}],
                "custom_field": [{"name": "attributes.v", "type": "Number"}],
                "managed_field": [{"name": "thingId", "type": "String"}],
            }
        ],
        "thing_group_indexing_configuration": [
            {"thing_group_indexing_mode": "ON", "custom_field": [], "managed_field": []}
        ],
    }
    conversion = convert_state(
        aws_iot_indexing_configuration=indexing,
        aws_iot_event_configurations={"event_configurations": {"THING": True, "JOB": False}},
        aws_iot_logging_options={"role_arn": ROLE, "default_log_level": "WARN", "disable_all_logs": False},
    )
    assert list_tables(conversion) == {
        "account.events": {"thing": True, "job": False},
        "account.indexing": {
            "thing_indexing_mode": "REGISTRY",
            "thing_connectivity_indexing_mode": "STATUS",
            "device_defender_indexing_mode": "OFF",
            "named_shadow_indexing_mode": "ON",
            "named_shadow_names": ["a", "b"],
            "thing_custom_fields": [{"name": "attributes.v", "type": "Number"}],
            "thing_group_indexing_mode": "ON",
        },
        "account.logging": {"role_arn": ROLE, "default_log_level": "WARN", "disable_all_logs": False},
    }


def test_settings_in_a_template_become_sections_and_log_levels():
    checks = {
        "LoggingDisabledCheck": {"Enabled": True},
        "CaCertificateExpiringCheck": {"Enabled": False},
        "DeviceCertificateAgeCheck": {
            "Enabled": "true",
            "Configuration": {"CertAgeThresholdInDays": "365"},
        },
    }
    account = {"AccountId": "123456789012"}
    conversion = convert_template(
        Logging=("Logging", {**account, "RoleArn": ROLE, "DefaultLogLevel": "INFO"}),
        Audit=(
            "AccountAuditConfiguration",
            {
                **account,
                "RoleArn": ROLE,
                "AuditCheckConfigurations": checks,
                "AuditNotificationTargetConfigurations": {
                    "Sns": {"TargetArn": TOPIC, "RoleArn": ROLE, "Enabled": True}
                },
            },
        ),
        Key=(
            "EncryptionConfiguration",
            {
                "EncryptionType": "CUSTOMER_MANAGED_KMS_KEY",
                "KmsKeyArn": KEY,
                "KmsAccessRoleArn": ROLE,
            },
        ),
        Pumps=("ThingGroup", {"ThingGroupName": "pumps"}),
        Level=(
            "ResourceSpecificLogging",
            {"TargetType": "THING_GROUP", "TargetName": {"Ref": "Pumps"}, "LogLevel": "DEBUG"},
        ),
        Client=(
            "ResourceSpecificLogging",
            {"TargetType": "CLIENT_ID", "TargetName": "pump-1", "LogLevel": "INFO"},
        ),
    )
    assert list_tables(conversion) == {
        "account.audit": {
            "role_arn": ROLE,
            "audit_notification_target_configurations": {"SNS": {"target_arn": TOPIC, "role_arn": ROLE}},
            "audit_check_configurations": {
                "DEVICE_CERTIFICATE_AGE_CHECK": {"configuration": {"CERT_AGE_THRESHOLD_IN_DAYS": "365"}},
                "LOGGING_DISABLED_CHECK": {},
            },
        },
        "account.encryption": {
            "encryption_type": "CUSTOMER_MANAGED_KMS_KEY",
            "kms_key_arn": KEY,
            "kms_access_role_arn": ROLE,
        },
        "account.logging": {"role_arn": ROLE, "default_log_level": "INFO"},
        "thing_groups.pumps": {},
        "log_levels.Level": {"log_level": "DEBUG", "thing_group": "pumps"},
        "log_levels.Client": {"log_level": "INFO", "client_id": "pump-1"},
    }


def test_a_log_level_of_the_default_target_is_left_out():
    properties = {"TargetType": "DEFAULT", "TargetName": "DEFAULT", "LogLevel": "DEBUG"}
    conversion = convert_template(Level=("ResourceSpecificLogging", properties))
    assert conversion.left_out == {"Level": "its target is not one that a log level can have"}
