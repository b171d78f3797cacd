"""Fleet indexing: GetIndexingConfiguration, UpdateIndexingConfiguration, ListIndices, DescribeIndex.

The indexes show the registry's current data; AWS takes seconds to update them. Shadows and Device Defender can be
configured, but have no data here.
"""

import json
from collections.abc import Sequence
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import not_found
from reconciler.registry.search_fields import THING_GROUPS, THINGS, IndexedSources
from reconciler.registry.shared.indexed_fields import (
    find_invalid_managed_fields,
    is_managed_field_of_things,
    list_managed_fields,
)

SCHEMA = (
    """
    CREATE TABLE indexing_configurations (
      scope INTEGER PRIMARY KEY,
      things TEXT NOT NULL,
      thing_groups TEXT NOT NULL
    )
    """,
)

THING_INDEX = THINGS.name
GROUP_INDEX = THING_GROUPS.name

_THING_DEFAULTS: dict[str, Any] = {
    "thingIndexingMode": "OFF",
    "thingConnectivityIndexingMode": "OFF",
    "deviceDefenderIndexingMode": "OFF",
    "namedShadowIndexingMode": "OFF",
}
_THING_GROUP_DEFAULTS: dict[str, Any] = {"thingGroupIndexingMode": "OFF"}
_DEFAULT_ORDER = "LatLon"
# The data sources of queries, other than named shadows, each with the member and the value that turn its indexing on.
_SOURCE_MODES = {
    "Connectivity": ("thingConnectivityIndexingMode", "STATUS"),
    "Shadow": ("thingIndexingMode", "REGISTRY_AND_SHADOW"),
    "Devicedefender": ("deviceDefenderIndexingMode", "VIOLATIONS"),
}


def is_index_on(context: Context, name: str) -> bool:
    """Return whether an index is on. Raises InvalidRequest for an unknown index."""
    things, thing_groups = _read_configuration(context)
    modes = {THING_INDEX: things["thingIndexingMode"], GROUP_INDEX: thing_groups["thingGroupIndexingMode"]}
    if name not in modes:
        raise context.invalid(f"Unrecognized indexName {name}")
    return bool(modes[name] != "OFF")


def read_indexed_sources(context: Context) -> IndexedSources:
    """Return the data sources of things that are indexed."""
    things, _ = _read_configuration(context)
    names = [source for source, (member, mode) in _SOURCE_MODES.items() if things[member] == mode]
    has_named_shadows = things["namedShadowIndexingMode"] == "ON"
    named_shadows = things.get("filter", {}).get("namedShadowNames", ()) if has_named_shadows else ()
    return IndexedSources(frozenset(names), frozenset(named_shadows))


def is_connectivity_indexed(context: Context) -> bool:
    """Return whether search results include connectivity."""
    things, _ = _read_configuration(context)
    return bool(things["thingConnectivityIndexingMode"] == "STATUS")


def read_custom_fields(context: Context, index: str) -> dict[str, str]:
    """Return the types of the custom fields of an index by name."""
    things, thing_groups = _read_configuration(context)
    fields = (things if index == THING_INDEX else thing_groups).get("customFields", [])
    return {field["name"]: field["type"] for field in fields if "name" in field and "type" in field}


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

    If `thingIndexingMode` is OFF, the filter and the custom fields of things are not stored. The order of a geolocation's
    coordinates is LatLon by default.

    Raises InvalidRequest if neither part is given, if another mode of things is not OFF while `thingIndexingMode` is OFF, if
    `namedShadowIndexingMode` is ON without `namedShadowNames`, for a geolocation without a name, for a custom field without
    a name or type, or with the name of a managed field, and if `managedFields` contains a field that AWS does not manage in
    this part, or one with another type than AWS gives it. The checks, their order and AWS's texts are those that the authors
    of the emulator floci measured on AWS.
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
        thing_groups = _complete_thing_groups(context, params["thingGroupIndexingConfiguration"])
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
    return {"indexNames": [name for name in (THING_INDEX, GROUP_INDEX) if is_index_on(context, name)]}


@operation("iot", "DescribeIndex")
def describe_index(context: Context, params: Params) -> Output | None:
    """Return the status of an index, which is always ACTIVE, and its schema.

    Raises InvalidRequest for an unknown index, ResourceNotFound for one whose indexing is off.
    """
    name = params["indexName"]
    if not is_index_on(context, name):
        raise not_found(f"Index {name} does not exist")
    things, _ = _read_configuration(context)
    schema = "REGISTRY" if name == GROUP_INDEX else _find_thing_index_schema(things)
    return {"indexName": name, "indexStatus": "ACTIVE", "schema": schema}


def _find_thing_index_schema(things: dict[str, Any]) -> str:
    if things["deviceDefenderIndexingMode"] != "OFF" or things["namedShadowIndexingMode"] != "OFF":
        return "MULTI_INDEXING_MODE"
    indexes_connections = things["thingConnectivityIndexingMode"] != "OFF"
    return str(things["thingIndexingMode"]) + ("_AND_CONNECTIVITY_STATUS" if indexes_connections else "")


def _complete_things(context: Context, configuration: dict[str, Any]) -> dict[str, Any]:
    """Validate the configuration of things in AWS's order, and return it as it is stored."""
    things = {**_THING_DEFAULTS, **configuration}
    if things["thingIndexingMode"] == "OFF":
        for member in _THING_DEFAULTS:
            if things[member] != "OFF":
                name = member[:1].upper() + member[1:]
                raise context.invalid(f"ThingIndexingMode must be turned ON for enabling {name}")
    index_filter = things.get("filter", {})
    if things["namedShadowIndexingMode"] == "ON" and not index_filter.get("namedShadowNames"):
        raise context.invalid(
            "NamedShadowNames Filter must not be empty for enabling NamedShadowIndexingMode"
        )
    if any("name" not in location for location in index_filter.get("geoLocations", ())):
        raise context.invalid("Geolocation field name must not be null")
    _check_custom_fields(context, things.get("customFields", ()))
    _check_managed_fields(context, "thingIndexingConfiguration", configuration)
    if things["thingIndexingMode"] == "OFF":
        return _THING_DEFAULTS
    things.pop("managedFields", None)
    if "geoLocations" in index_filter:
        locations = [{"order": _DEFAULT_ORDER, **location} for location in index_filter["geoLocations"]]
        things["filter"] = {**index_filter, "geoLocations": locations}
    return things


def _complete_thing_groups(context: Context, configuration: dict[str, Any]) -> dict[str, Any]:
    """Validate the configuration of thing groups, and return what is stored of it, with the defaults."""
    _check_managed_fields(context, "thingGroupIndexingConfiguration", configuration)
    thing_groups = {**_THING_GROUP_DEFAULTS, **configuration}
    thing_groups.pop("managedFields", None)
    return thing_groups


def _check_custom_fields(context: Context, fields: Sequence[dict[str, str]]) -> None:
    """Raise InvalidRequest for a field without a name or type, or named like a managed field."""
    for field in fields:
        name, field_type = field.get("name"), field.get("type")
        if name is None:
            # AWS's text, in which a space is missing.
            text = f"Custom field name cannot be nullFieldName: null, FieldType: {field_type or 'null'}"
            raise context.invalid(text)
        if field_type is None:
            text = "Invalid field type: null. Expecting one of [String, Number, Boolean, Geopoint]"
            raise context.invalid(text)
        if is_managed_field_of_things(name):
            text = f"Defined field is a reserved field for MULTI_INDEXING_MODE. Field: {name}"
            raise context.invalid(text)


def _check_managed_fields(context: Context, member: str, configuration: dict[str, Any]) -> None:
    """Raise InvalidRequest for a field that AWS does not manage in this part, or not with its type.

    The managed fields are not stored, because they follow from the modes.
    """
    invalid_fields = find_invalid_managed_fields(member, configuration.get("managedFields", ()))
    if invalid_fields:
        listed = ", ".join(
            f"name:{field.get('name', 'null')}, type:{field.get('type', 'null')}" for field in invalid_fields
        )
        raise context.invalid(
            f"Only managed fields with expected types are allowed in {member}.managedFields."
            f" Invalid field(s): [{listed}]"
        )


def _read_configuration(context: Context) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the configurations of things and of thing groups."""
    row = context.tx.fetch_one("SELECT * FROM indexing_configurations WHERE scope = ?", context.scope)
    if row is None:
        return _THING_DEFAULTS, _THING_GROUP_DEFAULTS
    return json.loads(row["things"]), json.loads(row["thing_groups"])
