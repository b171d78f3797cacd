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
_FIELDS_OF_THINGS = {**_REGISTRY, **_SHADOW, **_NAMED_SHADOW, **_CONNECTIVITY, **_DEVICE_DEFENDER}


def list_managed_fields(configuration: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the managed fields of a configuration of things or groups; none if its modes are OFF."""
    return [
        {"name": name, "type": field_type}
        for (member, mode), fields in _FIELDS_BY_MODE.items()
        if configuration.get(member) == mode
        for name, field_type in fields.items()
    ]


def find_invalid_managed_fields(member: str, fields: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Return the fields that AWS does not manage in any mode of a part, or manages with another type.

    `member` is the part of the configuration: that of things or of thing groups.
    """
    types = _THING_GROUP if member == "thingGroupIndexingConfiguration" else _FIELDS_OF_THINGS
    return [field for field in fields if types.get(field.get("name", "")) != field.get("type")]


def is_managed_field_of_things(name: str) -> bool:
    """Return whether AWS manages a field of this name in any mode of the configuration of things."""
    return name in _FIELDS_OF_THINGS
