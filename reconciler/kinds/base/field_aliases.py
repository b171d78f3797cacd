"""The names that AWS, Terraform and CloudFormation use for fields, and what to write instead.

The names of AWS's API, which CloudFormation uses too, follow from the fields themselves. The table has the names of Terraform's AWS
provider (`aws_iot_*` resources) and of its exported attributes, AWS's words in the console, and usual other names.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.kinds.base.kind import Kind

_NAME = "the table's name, as in [{table}.NAME]"
_COMPUTED = "nothing: AWS assigns it, and `reconciler show` displays it"
_NOT_TAGGED = "attributes of things or thing groups: AWS has no tags for this kind"
_NO_TAGS = "nothing: AWS has no tags for this kind"
_REGION = "region in [workspace]"

_COMMON: Mapping[str, str] = {
    "arn": _COMPUTED,
    "id": _COMPUTED,
    "version": _COMPUTED,
    "metadata": _COMPUTED,
    "region": _REGION,
    "tags_all": "tags",
    "provider": "target in [workspace]",
    "count": "for_each",
    "prevent_destroy": "lifecycle = { prevent_destroy = true }",
    "ignore_changes": 'lifecycle = { ignore_changes = ["…"] }',
    "retain": "lifecycle = { prevent_destroy = true }",
    "deletion_policy": "lifecycle = { prevent_destroy = true }",
    "depends": "depends_on",
}

_ALIASES: Mapping[str, Mapping[str, str]] = {  # table → other name → what to write
    "things": {
        "thing_type_name": "thing_type",
        "type": "thing_type",
        "default_client_id": _COMPUTED,
        "principal": 'certificates = ["…"]',
        "principals": 'certificates = ["…"]',
        "thing_principal_type": "exclusive = true for EXCLUSIVE_THING",
        "groups": "thing_groups",
        "thing_group": "thing_groups",
        "thing_group_name": "thing_groups",
        "group": "thing_groups",
        "certificate": "certificates",
        "attribute_payload": "attributes",
        "billing_group_name": "billing_group",
        "policies": "policies of its certificates or thing_groups",
        "policy": "policies of its certificates or thing_groups",
        "tags": _NOT_TAGGED,
        "tags_all": _NOT_TAGGED,
    },
    "thing_types": {
        "deprecate": "deprecated",
        "deprecate_thing_type": "deprecated",
        "properties": "description and searchable_attributes",
        "thing_type_properties": "description and searchable_attributes",
        "mqtt5_configuration": "propagating_attributes",
    },
    "thing_groups": {
        "parent_group_name": "parent",
        "parent_group": "parent",
        "properties": "description and attributes",
        "thing_group_properties": "description and attributes",
        "attribute_payload": "attributes",
        "query_string": "a table [dynamic_thing_groups.NAME]",
        "things": "thing_groups of each thing",
        "members": "thing_groups of each thing",
        "policy": "policies",
    },
    "dynamic_thing_groups": {
        "query": "query_string",
        "properties": "description and attributes",
        "thing_group_properties": "description and attributes",
        "parent": "nothing: AWS has no parents of dynamic thing groups",
    },
    "billing_groups": {
        "properties": "description",
        "billing_group_properties": "description",
        "things": "billing_group of each thing",
    },
    "policies": {
        "policy": "document",
        "policy_document": "document",
        "body": "document",
        "default_version_id": _COMPUTED,
        "target": "policies of the certificate or thing group",
        "targets": "policies of the certificate or thing group",
        "principal": "policies of the certificate or thing group",
        "statement": 'document = { Version = "2012-10-17", Statement = [ … ] }',
    },
    "custom_metrics": {"name": _NAME, "metric_name": _NAME, "type": "metric_type"},
    "dimensions": {"name": _NAME, "values": "string_values", "topic_filters": "string_values"},
    "scheduled_audits": {
        "name": _NAME,
        "scheduled_audit_name": _NAME,
        "checks": "target_check_names",
        "day": "day_of_week or day_of_month",
    },
    "security_profiles": {
        "target_arns": "thing_groups, dynamic_thing_groups or account_targets",
        "targets": "thing_groups, dynamic_thing_groups or account_targets",
        "metrics_to_retain": "additional_metrics_to_retain",
    },
    "job_templates": {
        "job_arn": "document or document_source",
        "retry_config": "job_executions_retry_config",
        "rollout_config": "job_executions_rollout_config",
        "timeout": "timeout_config",
    },
    "packages": {
        "default_version": "default = true in a table [package_versions.NAME]",
        "default_version_name": "default = true in a table [package_versions.NAME]",
    },
    "package_versions": {
        "action": "status",
        "name": "version_name",
        "version": "version_name",
        "is_default": "default",
    },
    "role_aliases": {
        "alias": _NAME,
        "role_alias": _NAME,
        "credential_duration": "credential_duration_seconds",
        "duration": "credential_duration_seconds",
        "role": "role_arn",
    },
    "authorizers": {
        "lambda": "authorizer_function_arn",
        "enabled": 'status = "ACTIVE"',
        "signing_enabled": "signing_disabled = false",
    },
    "certificate_providers": {
        "lambda": "lambda_function_arn",
        "function": "lambda_function_arn",
        "operations": "account_default_for_operations",
    },
    "domain_configurations": {
        "authorizer_config": "authorizer and allow_authorizer_override",
        "domain_type": _COMPUTED,
        "server_certificate_arn": "server_certificate_arns",
        "server_certificates": "server_certificate_arns",
        "enabled": 'status = "ENABLED"',
    },
    "topic_rule_destinations": {
        "vpc_configuration": "vpc",
        "vpc_properties": "vpc",
        "http_url_configuration": "http",
        "http_url_properties": "http",
        "confirmation_url": 'http = { confirmation_url = "…" }',
        "influx_db_configuration": "influx_db",
        "influx_db_properties": "influx_db",
        "enabled": 'status = "ENABLED"',
        "status_reason": _COMPUTED,
        "tags": _NO_TAGS,
        "tags_all": _NO_TAGS,
    },
    "certificates": {
        "active": 'status = "ACTIVE"',
        "set_as_active": 'status = "ACTIVE"',
        "enabled": 'status = "ACTIVE"',
        "certificate_pem": "pem",
        "certificate": "pem",
        "certificate_status": "status",
        "new_status": "status",
        "ca_pem": "ca",
        "ca_certificate_pem": "ca",
        "ca_certificate_id": "ca",
        "ca_certificate": "ca",
        "certificate_signing_request": "csr",
        "policy": "policies",
        "thing": "certificates of the thing",
        "things": "certificates of the thing",
        "public_key": "nothing: it is in the certificate",
        "key": 'private_key = { save_to = "…" }',
        "mode": "certificate_mode",
        "tags": _NOT_TAGGED,
        "tags_all": _NOT_TAGGED,
    },
    "ca_certificates": {
        "active": 'status = "ACTIVE"',
        "set_as_active": 'status = "ACTIVE"',
        "enabled": 'status = "ACTIVE"',
        "new_status": "status",
        "ca_certificate_pem": "pem",
        "certificate": "pem",
        "ca_certificate": "pem",
        "allow_auto_registration": "auto_registration",
        "auto_registration_status": "auto_registration",
        "new_auto_registration_status": "auto_registration",
        "registration_config": "registration_template",
        "template_name": "registration_template",
        "template_body": "registration_template",
        "template": "registration_template",
        "role_arn": "registration_role_arn",
        "verification_certificate_pem": 'verification = { certificate = { file = "…" } }',
        "verification_certificate": 'verification = { certificate = { file = "…" } }',
        "verification_key": 'verification = { key = { env = "…" } }',
        "private_key": 'verification = { key = { env = "…" } }',
        "key": 'verification = { key = { env = "…" } }',
        "validity": _COMPUTED,
        "customer_version": _COMPUTED,
        "generation_id": _COMPUTED,
        "remove_auto_registration": "auto_registration = false",
        "mode": "certificate_mode",
    },
    "provisioning_templates": {
        "template_body": "body",
        "template": "body",
        "document": "body",
        "template_type": "type",
        "role_arn": "provisioning_role_arn",
        "provisioning_role": "provisioning_role_arn",
        "hook": "pre_provisioning_hook",
        "default_version_id": _COMPUTED,
    },
    "provisioned_things": {
        "template_name": "template",
        "template_body": "template",
        "body": "template",
    },
    "credential_lockers": {"locker_name": "name"},
    "provisioning_profiles": {"type": "provisioning_type"},
    "managed_things": {
        "credential_locker_id": "credential_locker",
        "setup_code": "authentication_material",
        "metadata": "meta_data",
        "wi_fi_simple_setup": "wi_fi_simple_setup_configuration",
    },
}

_ALIASES_IN_STRUCTURES: Mapping[str, str] = {  # CloudFormation's name of a member in AWS's API → the field
    "exponential_rollout_rate": "exponential_rate",
    "retry_criteria_list": "criteria_list",
}


def find_nested_field_for_alias(name: str) -> str | None:
    """Return the field of a structure that another tool has under a name that AWS's API lacks, or None."""
    folded_name = fold_name(name)
    return next(
        (field for alias, field in _ALIASES_IN_STRUCTURES.items() if fold_name(alias) == folded_name), None
    )


def find_field_for_alias(kind: Kind, name: str) -> str | None:
    """Return what to write in place of another tool's name of a field of the kind, or None."""
    folded_name = fold_name(name)
    aliases = {**_COMMON, **_ALIASES.get(kind.table, {})}
    for alias, text in aliases.items():
        if fold_name(alias) == folded_name:
            return text.replace("{table}", kind.table)
    own_name = (kind.name_api or "").rpartition(".")[2]
    if folded_name in {"name", fold_name(own_name), fold_name(kind.noun) + "name"}:
        return _NAME.replace("{table}", kind.table)
    for field, member in kind.members.items():
        if folded_name == fold_name(field):
            return field
        if member.api and folded_name in map(fold_name, member.api.split(".")[1:]):
            return field
    return None


def fold_name(name: str) -> str:
    """Return the letters and digits of a name in lower case, so that `RoleArn` is `role_arn`."""
    return "".join(filter(str.isalnum, name)).lower()
