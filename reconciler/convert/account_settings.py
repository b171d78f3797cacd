"""Convert account settings and log levels, whose attributes and fields are nested in different ways.

Source: Terraform's AWS provider, `aws_iot_indexing_configuration`, `aws_iot_event_configurations` and `aws_iot_logging_options`; AWS
CloudFormation user guide, `AWS::IoT::Logging`, `AWS::IoT::AccountAuditConfiguration`, `AWS::IoT::ResourceSpecificLogging` and
`AWS::IoT::EncryptionConfiguration`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from reconciler.convert.source import SourceResource, is_empty, to_text

TABLES_BY_NOUN: Mapping[str, str] = MappingProxyType(
    {
        "indexingconfiguration": "account.indexing",
        "eventconfigurations": "account.events",
        "loggingoptions": "account.logging",
        "logging": "account.logging",
        "accountauditconfiguration": "account.audit",
        "encryptionconfiguration": "account.encryption",
        "resourcespecificlogging": "log_levels",
    }
)
"""Noun of Terraform and CloudFormation → table."""

LOG_LEVELS = "log_levels"
_TARGET_FIELDS = frozenset({"thing_group", "client_id", "source_ip", "principal_id"})
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def find_log_target(source: SourceResource) -> tuple[str, str] | None:
    """Return the field and the name of the target of a log level, or None for another target."""
    field, name = source.find_text("target_type").lower(), source.find_text("target_name")
    return (field, name) if field in _TARGET_FIELDS and name else None


def build_settings(table: str, source: SourceResource) -> dict[str, Any]:
    """Return the fields of a section that have other names than its attributes.

    An attribute to skip is None.
    """
    match table:
        case "account.indexing":
            return _build_indexing(source)
        case "account.events":
            return _build_events(source)
        case "account.audit":
            return _build_audit(source)
        case _:
            return {"account_id": None}


def _build_indexing(source: SourceResource) -> dict[str, Any]:
    things = _get_block(source.find("thing_indexing_configuration"))
    groups = _get_block(source.find("thing_group_indexing_configuration"))
    filters = _get_block(things.get("filter"))
    modes = {name: value for name, value in {**things, **groups}.items() if name.endswith("_mode")}
    fields = {
        **modes,
        "named_shadow_names": sorted(filters.get("named_shadow_names") or ()),
        "thing_custom_fields": _list_custom_fields(things),
        "thing_group_custom_fields": _list_custom_fields(groups),
    }
    skipped = dict.fromkeys(("thing_indexing_configuration", "thing_group_indexing_configuration"))
    return {**skipped, **{name: value for name, value in fields.items() if not is_empty(value)}}


def _list_custom_fields(block: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"name": item["name"], "type": item["type"]} for item in block.get("custom_field") or ()]


def _build_events(source: SourceResource) -> dict[str, Any]:
    events: Mapping[str, Any] = source.find("event_configurations") or {}
    fields = {name.lower(): is_enabled for name, is_enabled in sorted(events.items())}
    return {"event_configurations": None, **fields}


def _build_audit(source: SourceResource) -> dict[str, Any]:
    checks = {
        _to_constant(name): _build_check(item)
        for name, item in sorted((source.find("audit_check_configurations") or {}).items())
        if _is_enabled(item)
    }
    targets = {
        _to_constant(name): {
            "target_arn": to_text(item["TargetArn"]),
            "role_arn": to_text(item["RoleArn"]),
        }
        for name, item in sorted((source.find("audit_notification_target_configurations") or {}).items())
        if _is_enabled(item)
    }
    return {
        "account_id": None,
        "audit_notification_target_configurations": targets,
        "audit_check_configurations": checks,
    }


def _build_check(item: Mapping[str, Any]) -> dict[str, Any]:
    configuration = item.get("Configuration") or {}
    settings = {_to_constant(name): to_text(value) for name, value in sorted(configuration.items())}
    return {"configuration": settings} if settings else {}


def _is_enabled(item: Mapping[str, Any]) -> bool:
    return str(item.get("Enabled", "")).lower() == "true"


def _to_constant(name: str) -> str:
    """Return AWS's name of a check or a setting: `LOGGING_DISABLED_CHECK` for `LoggingDisabledCheck`."""
    return _WORD_START.sub("_", name).upper()


def _get_block(value: Any) -> Mapping[str, Any]:
    """Return the attributes of a block, which Terraform stores as a list of one object."""
    block = value[0] if isinstance(value, list) and value else value
    return block if isinstance(block, Mapping) else {}
