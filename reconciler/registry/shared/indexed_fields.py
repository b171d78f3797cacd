"""The fields that AWS itself indexes, by mode, as GetIndexingConfiguration gives them. No table and no operation is here.

Source: what AWS answers to each mode, as the acceptance tests of others record it; the documentation names most of them.
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

_BY_MODE: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("thingIndexingMode", "REGISTRY"): _REGISTRY,
    ("thingIndexingMode", "REGISTRY_AND_SHADOW"): {**_REGISTRY, **_SHADOW},
    ("namedShadowIndexingMode", "ON"): _NAMED_SHADOW,
    ("thingConnectivityIndexingMode", "STATUS"): _CONNECTIVITY,
    ("deviceDefenderIndexingMode", "VIOLATIONS"): _DEVICE_DEFENDER,
    ("thingGroupIndexingMode", "ON"): _THING_GROUP,
}


def managed_fields(configuration: Mapping[str, Any]) -> list[dict[str, str]]:
    """Give the fields that a configuration, of things or of thing groups, has indexed; none while it is OFF."""
    return [
        {"name": name, "type": kind}
        for (member, mode), fields in _BY_MODE.items()
        if configuration.get(member) == mode
        for name, kind in fields.items()
    ]


def unmanaged_fields(given: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Give those of the fields that AWS manages in no mode, or with another type."""
    known = {name: kind for fields in _BY_MODE.values() for name, kind in fields.items()}
    return [field for field in given if known.get(field.get("name", "")) != field.get("type")]
