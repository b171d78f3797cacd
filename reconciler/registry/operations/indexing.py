"""Fleet indexing's configuration and the one index there is: Get and UpdateIndexingConfiguration, ListIndices, Describe.

The index `AWS_Things` holds what the registry holds, at once: what AWS does within seconds is done here before anybody
can ask. Shadows, connectivity and Device Defender may be configured, but there is nothing of them to be indexed.
"""

import json
from typing import Any

from reconciler.registry.catalog import Params, Result, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import not_found

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

_THINGS: dict[str, Any] = {
    "thingIndexingMode": "OFF",
    "thingConnectivityIndexingMode": "OFF",
    "deviceDefenderIndexingMode": "OFF",
    "namedShadowIndexingMode": "OFF",
}
_THING_GROUPS: dict[str, Any] = {"thingGroupIndexingMode": "OFF"}


def require_index(context: Context, name: str = INDEX) -> None:
    """Raise ResourceNotFound unless the index of things exists, which indexing has to be turned on for.

    That it is this error while indexing is OFF is UNCONFIRMED: all operations that need the index have it.
    """
    if name != INDEX or _configuration(context)[0]["thingIndexingMode"] == "OFF":
        raise not_found(f"The index {name} does not exist.")


def indexes_connectivity(context: Context) -> bool:
    """Whether search results say if a thing is connected."""
    return bool(_configuration(context)[0]["thingConnectivityIndexingMode"] == "STATUS")


def custom_fields(context: Context) -> dict[str, str]:
    """The types of the fields that the configuration names, by name; one without a type holds texts."""
    fields = _configuration(context)[0].get("customFields", [])
    return {field["name"]: field.get("type", "String") for field in fields if "name" in field}


@operation("iot", "GetIndexingConfiguration")
def get_indexing_configuration(context: Context, _params: Params) -> Result | None:
    """Give the configuration, which is OFF until it is updated."""
    things, thing_groups = _configuration(context)
    return {"thingIndexingConfiguration": things, "thingGroupIndexingConfiguration": thing_groups}


@operation("iot", "UpdateIndexingConfiguration")
def update_indexing_configuration(context: Context, params: Params) -> Result | None:
    """Replace the part of the configuration that is given, or both parts.

    Raises InvalidRequest when something is to be indexed besides things while things are not.
    """
    things, thing_groups = _configuration(context)
    if "thingIndexingConfiguration" in params:
        things = {**_THINGS, **params["thingIndexingConfiguration"]}
    if "thingGroupIndexingConfiguration" in params:
        thing_groups = {**_THING_GROUPS, **params["thingGroupIndexingConfiguration"]}
    if things["thingIndexingMode"] == "OFF" and any(
        things[mode] != "OFF" for mode in _THINGS if mode != "thingIndexingMode"
    ):
        raise context.invalid("Nothing can be indexed of things while thingIndexingMode is OFF.")
    context.tx.run(
        "INSERT OR REPLACE INTO indexing_configurations (scope, things, thing_groups) VALUES (?, ?, ?)",
        context.scope,
        json.dumps(things),
        json.dumps(thing_groups),
    )
    return None


@operation("iot", "ListIndices")
def list_indices(context: Context, params: Params) -> Result | None:
    """Give the index's name when there is one. Raises InvalidRequest for any token: there is no second page."""
    if "nextToken" in params:
        raise context.invalid("The value of nextToken is not valid.")
    off = _configuration(context)[0]["thingIndexingMode"] == "OFF"
    return {"indexNames": [] if off else [INDEX]}


@operation("iot", "DescribeIndex")
def describe_index(context: Context, params: Params) -> Result | None:
    """Give the index, which is always ACTIVE, and what it holds. Raises ResourceNotFound."""
    require_index(context, params["indexName"])
    things = _configuration(context)[0]
    schema = str(things["thingIndexingMode"])
    if things["deviceDefenderIndexingMode"] != "OFF" or things["namedShadowIndexingMode"] != "OFF":
        schema = "MULTI_INDEXING_MODE"
    elif things["thingConnectivityIndexingMode"] != "OFF":
        schema += "_AND_CONNECTIVITY_STATUS"
    return {"indexName": INDEX, "indexStatus": "ACTIVE", "schema": schema}


def _configuration(context: Context) -> tuple[dict[str, Any], dict[str, Any]]:
    row = context.tx.one("SELECT * FROM indexing_configurations WHERE scope = ?", context.scope)
    if row is None:
        return _THINGS, _THING_GROUPS
    return json.loads(row["things"]), json.loads(row["thing_groups"])
