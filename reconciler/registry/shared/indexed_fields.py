"""The managed fields of each indexing mode, as GetIndexingConfiguration returns them.

Source: AWS's response for each mode, as recorded by other projects' acceptance tests; the documentation names most fields.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_REGISTRY = {
    "thingName": "String",
    "thingId": "String",
    "registry.version": "Number",
    "registry.thingTypeName": "String",
    "registry.thingGroupNames": "String",
}
_SHADOW = {"shadow.version": "Number", "shadow.hasDelta": "Boolean"}
_NAMED_SHADOW = {"shadow.name.*.hasDelta": "Boolean", "shadow.name.*.version": "Number"}
_CONNECTIVITY = {
    "connectivity.connected": "Boolean",
    "connectivity.timestamp": "Number",
    "connectivity.disconnectReason": "String",
    "connectivity.clientId": "String",
    "connectivity.cleanSession": "Boolean",
    "connectivity.keepAliveDuration": "Number",
    "connectivity.sessionExpiry": "Number",
    "connectivity.version": "Number",
}
_DEVICE_DEFENDER = {
    "deviceDefender.version": "Number",
    "deviceDefender.violationCount": "Number",
    "deviceDefender.*.*.inViolation": "Boolean",
    "deviceDefender.*.*.lastViolationTime": "Number",
    "deviceDefender.*.*.metricName": "String",
}
_THING_GROUP = {
    "thingGroupName": "String",
    "thingGroupId": "String",
    "description": "String",
    "parentGroupNames": "String",
    "version": "Number",
}

_FIELDS_BY_MODE: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("thingIndexingMode", "REGISTRY"): _REGISTRY,
    ("thingIndexingMode", "REGISTRY_AND_SHADOW"): {**_REGISTRY, **_SHADOW},
    ("namedShadowIndexingMode", "ON"): _NAMED_SHADOW,
    ("thingConnectivityIndexingMode", "STATUS"): _CONNECTIVITY,
    ("deviceDefenderIndexingMode", "VIOLATIONS"): _DEVICE_DEFENDER,
    ("thingGroupIndexingMode", "ON"): _THING_GROUP,
}


def list_managed_fields(configuration: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the managed fields of a configuration of things or groups; none if its modes are OFF."""
    return [
        {"name": name, "type": field_type}
        for (member, mode), fields in _FIELDS_BY_MODE.items()
        if configuration.get(member) == mode
        for name, field_type in fields.items()
    ]


def find_invalid_managed_fields(fields: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Return the fields that AWS does not manage in any mode, or manages with another type."""
    types = {
        name: field_type
        for managed_fields in _FIELDS_BY_MODE.values()
        for name, field_type in managed_fields.items()
    }
    return [field for field in fields if types.get(field.get("name", "")) != field.get("type")]
