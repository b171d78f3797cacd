"""Fleet indexing's configuration and its two indexes: Get and UpdateIndexingConfiguration, ListIndices, DescribeIndex.

The indexes hold what the registry holds, at once: what AWS does within seconds is done here before anybody can ask.
Shadows and Device Defender may be configured, but there is nothing of them to be indexed.
"""

import json
from collections.abc import Iterable
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import not_found
from reconciler.registry.shared.indexed_fields import managed_fields, unmanaged_fields

SCHEMA = (
    """
    CREATE TABLE indexing_configurations (
      scope INTEGER PRIMARY KEY,
      things TEXT NOT NULL,
      thing_groups TEXT NOT NULL
    )
    """,
)

INDEX = "AWS_Things"
GROUP_INDEX = "AWS_ThingGroups"

_THINGS: dict[str, Any] = {
    "thingIndexingMode": "OFF",
    "thingConnectivityIndexingMode": "OFF",
    "deviceDefenderIndexingMode": "OFF",
    "namedShadowIndexingMode": "OFF",
}
_THING_GROUPS: dict[str, Any] = {"thingGroupIndexingMode": "OFF"}
# What a query may be about beside the registry, and what has to be indexed for it.
_SOURCES = {
    "Connectivity": ("thingConnectivityIndexingMode", "STATUS"),
    "Shadow": ("thingIndexingMode", "REGISTRY_AND_SHADOW"),
    "Devicedefender": ("deviceDefenderIndexingMode", "VIOLATIONS"),
}


def require_index(context: Context, name: str) -> None:
    """Raise InvalidRequest for a name that no index has, ResourceNotFound while its indexing is not turned on."""
    if not _is_on(context, name):
        raise not_found(
            f"Index {name} does not exist. Please enable index by calling UpdateIndexingConfiguration"
        )


def require_sources(context: Context, sources: Iterable[str]) -> None:
    """Raise InvalidRequest when a query is about something that is not indexed, such as Connectivity."""
    things = _configuration(context)[0]
    for source in sorted(sources):
        member, mode = _SOURCES[source]
        named_shadows = source == "Shadow" and things["namedShadowIndexingMode"] == "ON"
        if things[member] != mode and not named_shadows:
            raise context.invalid(
                f"Query includes one or more constraints for {source} attribute,"
                f" but {source} indexing is not enabled for {INDEX} index"
            )


def indexes_connectivity(context: Context) -> bool:
    """Whether search results say if a thing is connected."""
    return bool(_configuration(context)[0]["thingConnectivityIndexingMode"] == "STATUS")


def custom_fields(context: Context) -> dict[str, str]:
    """The types of the fields that the configuration names, by name; one without a type holds texts."""
    fields = _configuration(context)[0].get("customFields", [])
    return {field["name"]: field.get("type", "String") for field in fields if "name" in field}


@operation("iot", "GetIndexingConfiguration")
def get_indexing_configuration(context: Context, _params: Params) -> Output | None:
    """Give the configuration, which is OFF until it is updated, with the fields that AWS indexes for it."""
    things, thing_groups = _configuration(context)
    if things["thingIndexingMode"] != "OFF":
        things = {"filter": {"namedShadowNames": []}, **things, "managedFields": managed_fields(things)}
    if thing_groups["thingGroupIndexingMode"] != "OFF":
        thing_groups = {**thing_groups, "managedFields": managed_fields(thing_groups)}
    return {"thingIndexingConfiguration": things, "thingGroupIndexingConfiguration": thing_groups}


@operation("iot", "UpdateIndexingConfiguration")
def update_indexing_configuration(context: Context, params: Params) -> Output | None:
    """Replace the part of the configuration that is given, or both parts. What is turned OFF forgets its fields.

    Raises InvalidRequest when neither part is given, when something is to be indexed of things while things are not,
    for named shadows without their names, and for managed fields that AWS does not manage.
    """
    things, thing_groups = _configuration(context)
    if "thingIndexingConfiguration" not in params and "thingGroupIndexingConfiguration" not in params:
        raise context.invalid(
            "At least one configuration to update"
            " (thingIndexingConfiguration / thingGroupIndexingConfiguration) is required"
        )
    if "thingIndexingConfiguration" in params:
        things = _things(context, params["thingIndexingConfiguration"])
    if "thingGroupIndexingConfiguration" in params:
        thing_groups = _without_managed(
            context,
            "thingGroupIndexingConfiguration",
            _THING_GROUPS,
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
    """Give the names of the indexes that there are. Raises InvalidRequest for any token: there is no second page."""
    if "nextToken" in params:
        raise context.invalid("The value of nextToken is not valid.")
    return {"indexNames": [name for name in (INDEX, GROUP_INDEX) if _is_on(context, name)]}


@operation("iot", "DescribeIndex")
def describe_index(context: Context, params: Params) -> Output | None:
    """Give an index, which is always ACTIVE, and what it holds. Raises ResourceNotFound, InvalidRequest."""
    name = params["indexName"]
    if not _is_on(context, name):
        raise not_found(f"Index {name} does not exist")
    schema = "REGISTRY" if name == GROUP_INDEX else _schema(_configuration(context)[0])
    return {"indexName": name, "indexStatus": "ACTIVE", "schema": schema}


def _schema(things: dict[str, Any]) -> str:
    if things["deviceDefenderIndexingMode"] != "OFF" or things["namedShadowIndexingMode"] != "OFF":
        return "MULTI_INDEXING_MODE"
    connected = things["thingConnectivityIndexingMode"] != "OFF"
    return str(things["thingIndexingMode"]) + ("_AND_CONNECTIVITY_STATUS" if connected else "")


def _is_on(context: Context, name: str) -> bool:
    things, thing_groups = _configuration(context)
    modes = {INDEX: things["thingIndexingMode"], GROUP_INDEX: thing_groups["thingGroupIndexingMode"]}
    if name not in modes:
        raise context.invalid(f"Unrecognized indexName {name}")
    return bool(modes[name] != "OFF")


def _things(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    things = _without_managed(context, "thingIndexingConfiguration", _THINGS, given)
    if things["thingIndexingMode"] == "OFF":
        for mode in _THINGS:
            if things[mode] != "OFF":
                name = mode[:1].upper() + mode[1:]
                raise context.invalid(f"ThingIndexingMode must be turned ON for enabling {name}")
        return _THINGS
    if things["namedShadowIndexingMode"] == "ON" and not things.get("filter", {}).get("namedShadowNames"):
        raise context.invalid(
            "NamedShadowNames Filter must not be empty for enabling NamedShadowIndexingMode"
        )
    return things


def _without_managed(
    context: Context, member: str, default: dict[str, Any], given: dict[str, Any]
) -> dict[str, Any]:
    """Complete one part of the configuration, and leave out of it what follows from its modes."""
    if wrong := unmanaged_fields(given.get("managedFields", ())):
        told = ", ".join(f"name:{field.get('name')}, type:{field.get('type')}" for field in wrong)
        raise context.invalid(
            f"Only managed fields with expected types are allowed in {member}.managedFields."
            f" Invalid field(s): [{told}]"
        )
    return {**default, **{name: value for name, value in given.items() if name != "managedFields"}}


def _configuration(context: Context) -> tuple[dict[str, Any], dict[str, Any]]:
    row = context.tx.one("SELECT * FROM indexing_configurations WHERE scope = ?", context.scope)
    if row is None:
        return _THINGS, _THING_GROUPS
    return json.loads(row["things"]), json.loads(row["thing_groups"])
