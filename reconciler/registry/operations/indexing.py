"""Fleet indexing: GetIndexingConfiguration, UpdateIndexingConfiguration, ListIndices, DescribeIndex.

The indexes show the registry's current data; AWS takes seconds to update them. Shadows and Device Defender can be
configured, but have no data here.
"""

import json
from collections.abc import Iterable
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import not_found
from reconciler.registry.shared.indexed_fields import find_invalid_managed_fields, list_managed_fields

SCHEMA = (
    """
    CREATE TABLE indexing_configurations (
      scope INTEGER PRIMARY KEY,
      things TEXT NOT NULL,
      thing_groups TEXT NOT NULL
    )
    """,
)

THING_INDEX = "AWS_Things"
GROUP_INDEX = "AWS_ThingGroups"

_THING_DEFAULTS: dict[str, Any] = {
    "thingIndexingMode": "OFF",
    "thingConnectivityIndexingMode": "OFF",
    "deviceDefenderIndexingMode": "OFF",
    "namedShadowIndexingMode": "OFF",
}
_THING_GROUP_DEFAULTS: dict[str, Any] = {"thingGroupIndexingMode": "OFF"}
# The sources of a query's data other than the registry, each with the member and the value that turn its indexing on.
_SOURCE_MODES = {
    "Connectivity": ("thingConnectivityIndexingMode", "STATUS"),
    "Shadow": ("thingIndexingMode", "REGISTRY_AND_SHADOW"),
    "Devicedefender": ("deviceDefenderIndexingMode", "VIOLATIONS"),
}


def require_index(context: Context, name: str) -> None:
    """Raise InvalidRequest for an unknown index, ResourceNotFound for one whose indexing is off."""
    if not _is_index_on(context, name):
        raise not_found(
            f"Index {name} does not exist. Please enable index by calling UpdateIndexingConfiguration"
        )


def require_indexed_sources(context: Context, sources: Iterable[str]) -> None:
    """Raise InvalidRequest when a query refers to a source, such as Connectivity, that is not indexed."""
    things, _ = _read_configuration(context)
    for source in sorted(sources):
        member, mode = _SOURCE_MODES[source]
        is_named_shadow_indexed = source == "Shadow" and things["namedShadowIndexingMode"] == "ON"
        if things[member] != mode and not is_named_shadow_indexed:
            raise context.invalid(
                f"Query includes one or more constraints for {source} attribute,"
                f" but {source} indexing is not enabled for {THING_INDEX} index"
            )


def is_connectivity_indexed(context: Context) -> bool:
    """Return whether search results include connectivity."""
    things, _ = _read_configuration(context)
    return bool(things["thingConnectivityIndexingMode"] == "STATUS")


def read_custom_fields(context: Context) -> dict[str, str]:
    """Return the types of the custom fields of things by name; the default type is String."""
    things, _ = _read_configuration(context)
    fields = things.get("customFields", [])
    return {field["name"]: field.get("type", "String") for field in fields if "name" in field}


@operation("iot", "GetIndexingConfiguration")
def get_indexing_configuration(context: Context, _params: Params) -> Output | None:
    """Return the configuration; by default, all indexing is OFF.

    The parts for things and for thing groups include their managed fields only while their indexing is on.
    """
    things, thing_groups = _read_configuration(context)
    if things["thingIndexingMode"] != "OFF":
        things = {"filter": {"namedShadowNames": []}, **things, "managedFields": list_managed_fields(things)}
    if thing_groups["thingGroupIndexingMode"] != "OFF":
        thing_groups = {**thing_groups, "managedFields": list_managed_fields(thing_groups)}
    return {"thingIndexingConfiguration": things, "thingGroupIndexingConfiguration": thing_groups}


@operation("iot", "UpdateIndexingConfiguration")
def update_indexing_configuration(context: Context, params: Params) -> Output | None:
    """Replace one or both parts of the configuration.

    If `thingIndexingMode` is OFF, the filter and the custom fields of things are not stored.

    Raises InvalidRequest if neither part is given, if another mode of things is not OFF while `thingIndexingMode` is OFF, if
    `namedShadowIndexingMode` is ON without `namedShadowNames`, and if `managedFields` contains a field that AWS does not
    manage, or one with another type than AWS gives it.
    """
    things, thing_groups = _read_configuration(context)
    if "thingIndexingConfiguration" not in params and "thingGroupIndexingConfiguration" not in params:
        raise context.invalid(
            "At least one configuration to update"
            " (thingIndexingConfiguration / thingGroupIndexingConfiguration) is required"
        )
    if "thingIndexingConfiguration" in params:
        things = _complete_things(context, params["thingIndexingConfiguration"])
    if "thingGroupIndexingConfiguration" in params:
        thing_groups = _complete_part(
            context,
            "thingGroupIndexingConfiguration",
            _THING_GROUP_DEFAULTS,
            params["thingGroupIndexingConfiguration"],
        )
    context.tx.run(
        "INSERT OR REPLACE INTO indexing_configurations (scope, things, thing_groups) VALUES (?, ?, ?)",
        context.scope,
        json.dumps(things),
        json.dumps(thing_groups),
    )
    return None


@operation("iot", "ListIndices")
def list_indices(context: Context, params: Params) -> Output | None:
    """Return the names of the indexes that are on.

    Raises InvalidRequest for any `nextToken`: there is one page.
    """
    if "nextToken" in params:
        raise context.invalid("The value of nextToken is not valid.")
    return {"indexNames": [name for name in (THING_INDEX, GROUP_INDEX) if _is_index_on(context, name)]}


@operation("iot", "DescribeIndex")
def describe_index(context: Context, params: Params) -> Output | None:
    """Return the status of an index, which is always ACTIVE, and its schema.

    Raises InvalidRequest for an unknown index, ResourceNotFound for one whose indexing is off.
    """
    name = params["indexName"]
    if not _is_index_on(context, name):
        raise not_found(f"Index {name} does not exist")
    things, _ = _read_configuration(context)
    schema = "REGISTRY" if name == GROUP_INDEX else _find_thing_index_schema(things)
    return {"indexName": name, "indexStatus": "ACTIVE", "schema": schema}


def _find_thing_index_schema(things: dict[str, Any]) -> str:
    if things["deviceDefenderIndexingMode"] != "OFF" or things["namedShadowIndexingMode"] != "OFF":
        return "MULTI_INDEXING_MODE"
    indexes_connections = things["thingConnectivityIndexingMode"] != "OFF"
    return str(things["thingIndexingMode"]) + ("_AND_CONNECTIVITY_STATUS" if indexes_connections else "")


def _is_index_on(context: Context, name: str) -> bool:
    """Return whether an index is on. Raises InvalidRequest for an unknown index."""
    things, thing_groups = _read_configuration(context)
    modes = {THING_INDEX: things["thingIndexingMode"], GROUP_INDEX: thing_groups["thingGroupIndexingMode"]}
    if name not in modes:
        raise context.invalid(f"Unrecognized indexName {name}")
    return bool(modes[name] != "OFF")


def _complete_things(context: Context, configuration: dict[str, Any]) -> dict[str, Any]:
    """Validate the configuration of things, and return what is stored of it, with the defaults."""
    things = _complete_part(context, "thingIndexingConfiguration", _THING_DEFAULTS, configuration)
    if things["thingIndexingMode"] == "OFF":
        for member in _THING_DEFAULTS:
            if things[member] != "OFF":
                name = member[:1].upper() + member[1:]
                raise context.invalid(f"ThingIndexingMode must be turned ON for enabling {name}")
        return _THING_DEFAULTS
    if things["namedShadowIndexingMode"] == "ON" and not things.get("filter", {}).get("namedShadowNames"):
        raise context.invalid(
            "NamedShadowNames Filter must not be empty for enabling NamedShadowIndexingMode"
        )
    return things


def _complete_part(
    context: Context, member: str, default: dict[str, Any], configuration: dict[str, Any]
) -> dict[str, Any]:
    """Validate one part of the configuration, and return it with the defaults.

    The managed fields are left out, because they follow from the modes.
    """
    invalid_fields = find_invalid_managed_fields(configuration.get("managedFields", ()))
    if invalid_fields:
        listed = ", ".join(f"name:{field.get('name')}, type:{field.get('type')}" for field in invalid_fields)
        raise context.invalid(
            f"Only managed fields with expected types are allowed in {member}.managedFields."
            f" Invalid field(s): [{listed}]"
        )
    return {**default, **{name: value for name, value in configuration.items() if name != "managedFields"}}


def _read_configuration(context: Context) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the configurations of things and of thing groups."""
    row = context.tx.fetch_one("SELECT * FROM indexing_configurations WHERE scope = ?", context.scope)
    if row is None:
        return _THING_DEFAULTS, _THING_GROUP_DEFAULTS
    return json.loads(row["things"]), json.loads(row["thing_groups"])
