"""Thing types: their table, and the operations from their creation to their deletion."""

import json
import uuid
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import already_exists, not_found
from reconciler.registry.paging import REGISTRY_PAGER
from reconciler.registry.shared.tagging import add_tags, allow_tags, delete_tags, parse_tag_list, read_tags
from reconciler.registry.store import Row, build_prefix_end

SCHEMA = (
    """
    CREATE TABLE thing_types (
      seq INTEGER PRIMARY KEY,
      scope INTEGER NOT NULL,
      name TEXT NOT NULL,
      id TEXT NOT NULL,
      properties TEXT NOT NULL,
      created_at REAL NOT NULL,
      deprecated_at REAL,
      UNIQUE (scope, name)
    )
    """,
    "CREATE INDEX thing_types_by_age ON thing_types (scope, seq)",
)

MAX_SEARCHABLE_ATTRIBUTES = 3


def find_thing_type(context: Context, name: str) -> Row | None:
    """Return the row of a thing type, or None."""
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM thing_types WHERE scope = ? AND name = ?", context.scope, name
    )
    return row


def require_thing_type(context: Context, name: str) -> Row:
    """Return the row of a thing type. Raises ResourceNotFound."""
    row = find_thing_type(context, name)
    if row is None:
        raise not_found(f"The thing type {name} does not exist.")
    return row


def require_assignable_thing_type(context: Context, name: str) -> None:
    """Raise ResourceNotFound for an unknown type, InvalidRequest for a deprecated type."""
    if require_thing_type(context, name)["deprecated_at"] is not None:
        raise context.invalid(f"Can not assign the deprecated thing type {name} to a thing.")


@allow_tags("iot", "thingtype")
def thing_type_exists(context: Context, name: str) -> bool:
    """Return whether the thing type exists."""
    return find_thing_type(context, name) is not None


@operation("iot", "CreateThingType")
def create_thing_type(context: Context, params: Params) -> Output | None:
    """Create a type.

    Repeating the call succeeds, unless the properties or tags are different from those of the existing type. Tags are compared
    only if the repeated request has some.

    Raises InvalidRequest for more than 3 searchable attributes or invalid tags, ResourceAlreadyExists (409).
    """
    name = params["thingTypeName"]
    properties = dict(params.get("thingTypeProperties", {}))
    tags = parse_tag_list(context, params.get("tags", []))
    _check_searchable_attribute_count(context, properties)
    row, arn = find_thing_type(context, name), _build_arn(context, name)
    if row is not None:
        if json.loads(row["properties"]) != properties or (tags and read_tags(context, arn) != tags):
            raise already_exists(
                f"Thing type {name} already exists in account with different properties",
                resource_id=row["id"],
                resource_arn=arn,
            )
        return {"thingTypeName": name, "thingTypeArn": arn, "thingTypeId": row["id"]}
    type_id = str(uuid.uuid4())
    context.tx.run(
        "INSERT INTO thing_types (scope, name, id, properties, created_at) VALUES (?, ?, ?, ?, ?)",
        context.scope,
        name,
        type_id,
        json.dumps(properties),
        context.now,
    )
    add_tags(context, arn, tags)
    return {"thingTypeName": name, "thingTypeArn": arn, "thingTypeId": type_id}


@operation("iot", "DescribeThingType")
def describe_thing_type(context: Context, params: Params) -> Output | None:
    """Return everything about a type except its tags. Raises ResourceNotFound."""
    row = require_thing_type(context, params["thingTypeName"])
    return {**_to_item(context, row), "thingTypeId": row["id"]}


@operation("iot", "ListThingTypes")
def list_thing_types(context: Context, params: Params) -> Output | None:
    """Return the types in creation order.

    UNCONFIRMED: `thingTypeName` is a prefix of the names. The AWS IoT API Reference only calls it "The name of the thing type".
    """
    page = REGISTRY_PAGER.start_page(context, params)
    prefix = params.get("thingTypeName", "")
    rows = context.tx.fetch_all(
        "SELECT * FROM thing_types WHERE scope = ? AND seq > ? AND name >= ? AND name < ? ORDER BY seq LIMIT ?",
        context.scope,
        page.after[0] if page.after else 0,
        prefix,
        build_prefix_end(prefix),
        page.limit,
    )
    return page.build_output(
        "thingTypes", rows, key=lambda row: (row["seq"],), item=lambda row: _to_item(context, row)
    )


@operation("iot", "UpdateThingType")
def update_thing_type(context: Context, params: Params) -> Output | None:
    """Replace the MQTT 5 configuration, the only property of a type that AWS updates (aws-cli issue 9884).

    UNCONFIRMED: any other property is rejected, even with its current value.

    Raises ResourceNotFound, InvalidRequest.
    """
    row = require_thing_type(context, params["thingTypeName"])
    changes = params.get("thingTypeProperties", {})
    if changes.keys() - {"mqtt5Configuration"}:
        raise context.invalid("Can only update mqtt5Configuration.")
    properties = {**json.loads(row["properties"]), **changes}
    context.tx.run("UPDATE thing_types SET properties = ? WHERE seq = ?", json.dumps(properties), row["seq"])
    return None


@operation("iot", "DeprecateThingType")
def deprecate_thing_type(context: Context, params: Params) -> Output | None:
    """Deprecate a type, or undo its deprecation. Raises ResourceNotFound.

    Repeating the call keeps the time of the deprecation, from which DeleteThingType counts its waiting time.
    """
    row = require_thing_type(context, params["thingTypeName"])
    deprecated_at = None if params.get("undoDeprecate") else (row["deprecated_at"] or context.now)
    context.tx.run("UPDATE thing_types SET deprecated_at = ? WHERE seq = ?", deprecated_at, row["seq"])
    return None


@operation("iot", "DeleteThingType")
def delete_thing_type(context: Context, params: Params) -> Output | None:
    """Delete a type that no thing uses.

    The type must have been deprecated for `thing_type_deletion_seconds` (5 minutes by default).

    Raises ResourceNotFound, InvalidRequest while one of these conditions is not met.
    """
    row = require_thing_type(context, params["thingTypeName"])
    if row["deprecated_at"] is None:
        raise context.invalid(f"Thing type {row['name']} must be deprecated before it is deleted.")
    if context.now < row["deprecated_at"] + context.settings.thing_type_deletion_seconds:
        # AWS's text, which names AWS's waiting time even if the setting differs.
        raise context.invalid(
            f"Cannot delete thing type : {row['name']}. Please wait for 5 minutes after deprecation and then retry"
        )
    thing = context.tx.fetch_one(
        "SELECT 1 FROM things WHERE scope = ? AND type = ? LIMIT 1", context.scope, row["name"]
    )
    if thing is not None:
        raise context.invalid(f"Cannot delete thing type {row['name']}: things are associated with it.")
    context.tx.run("DELETE FROM thing_types WHERE seq = ?", row["seq"])
    delete_tags(context, _build_arn(context, row["name"]))
    return None


def _build_arn(context: Context, name: str) -> str:
    return context.build_arn(f"thingtype/{name}")


def _to_item(context: Context, row: Row) -> dict[str, Any]:
    metadata = {"deprecated": row["deprecated_at"] is not None, "creationDate": row["created_at"]}
    if row["deprecated_at"] is not None:
        metadata["deprecationDate"] = row["deprecated_at"]
    return {
        "thingTypeName": row["name"],
        "thingTypeArn": _build_arn(context, row["name"]),
        "thingTypeProperties": json.loads(row["properties"]),
        "thingTypeMetadata": metadata,
    }


def _check_searchable_attribute_count(context: Context, properties: Params) -> None:
    if len(properties.get("searchableAttributes", ())) > MAX_SEARCHABLE_ATTRIBUTES:
        raise context.invalid("Only three searchable attributes are allowed for a thing type.")
