"""Things: their tables, and CreateThing, DescribeThing, UpdateThing, DeleteThing.

The order of `seq` is the order of creation. A thing's attributes are stored twice: as JSON in the thing's row, which is read
most often, and one per row in `thing_attributes`, which ListThings, queries and aggregations search.
"""

import json
import uuid
from collections.abc import Mapping

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import already_exists, not_found, version_conflict
from reconciler.registry.operations.billing_groups import require_billing_group
from reconciler.registry.operations.thing_types import require_assignable_thing_type
from reconciler.registry.shared.attributes import (
    parse_new_attributes,
    require_attribute_limits,
    update_attributes,
)
from reconciler.registry.shared.principal_edges import delete_thing_edges, is_thing_in_use
from reconciler.registry.store import Row

SCHEMA = (
    """
    CREATE TABLE things (
      seq INTEGER PRIMARY KEY,
      scope INTEGER NOT NULL,
      name TEXT NOT NULL,
      id TEXT NOT NULL,
      type TEXT,
      attributes TEXT NOT NULL,
      billing_group TEXT,
      version INTEGER NOT NULL,
      UNIQUE (scope, name)
    )
    """,
    "CREATE INDEX things_by_age ON things (scope, seq)",
    "CREATE INDEX things_by_type ON things (scope, type, seq) WHERE type IS NOT NULL",
    """
    CREATE TABLE thing_attributes (
      scope INTEGER NOT NULL,
      name TEXT NOT NULL,
      value TEXT NOT NULL,
      seq INTEGER NOT NULL REFERENCES things (seq) ON DELETE CASCADE,
      PRIMARY KEY (scope, name, value, seq)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX thing_attributes_by_thing ON thing_attributes (seq)",
    """
    CREATE INDEX things_by_billing_group ON things (scope, billing_group, seq)
      WHERE billing_group IS NOT NULL
    """,
)

MAX_ATTRIBUTES_UNTYPED = 3
MAX_ATTRIBUTES_TYPED = 50


def find_thing(context: Context, name: str) -> Row | None:
    """Return the row of a thing, or None."""
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM things WHERE scope = ? AND name = ?", context.scope, name
    )
    return row


def require_thing(context: Context, name: str) -> Row:
    """Return the row of a thing. Raises ResourceNotFound."""
    row = find_thing(context, name)
    if row is None:
        raise not_found(f"Thing {name} does not exist")
    return row


def build_thing_arn(context: Context, name: str) -> str:
    """Return the ARN of a thing of this account and Region."""
    return context.build_arn(f"thing/{name}")


@operation("iot", "CreateThing")
def create_thing(context: Context, params: Params) -> Output | None:
    """Create a thing.

    Repeating the call succeeds, unless the properties are different from those of the existing thing.

    Raises InvalidRequest for too many or too large attributes or a deprecated type, ResourceNotFound for an unknown type or
    billing group, ResourceAlreadyExists (409).
    """
    name = params["thingName"]
    attributes = parse_new_attributes(params.get("attributePayload"))
    existing = find_thing(context, name)
    if existing is not None:
        return _repeat_creation(context, existing, attributes, params)
    thing_type = params.get("thingTypeName")
    if thing_type is not None:
        require_assignable_thing_type(context, thing_type)
    if "billingGroupName" in params:
        require_billing_group(context, params["billingGroupName"])
    require_attribute_limits(context, attributes, _find_max_attributes(thing_type))
    thing_id = str(uuid.uuid4())
    context.tx.run(
        "INSERT INTO things (scope, name, id, type, attributes, billing_group, version) VALUES (?, ?, ?, ?, ?, ?, 1)",
        context.scope,
        name,
        thing_id,
        thing_type,
        json.dumps(attributes),
        params.get("billingGroupName"),
    )
    _index_attributes(context, name, attributes)
    return {"thingName": name, "thingArn": build_thing_arn(context, name), "thingId": thing_id}


@operation("iot", "DescribeThing")
def describe_thing(context: Context, params: Params) -> Output | None:
    """Return everything about a thing except its principals and thing groups. Raises ResourceNotFound."""
    row = require_thing(context, params["thingName"])
    return {
        "defaultClientId": row["name"],
        "thingName": row["name"],
        "thingId": row["id"],
        "thingArn": build_thing_arn(context, row["name"]),
        "thingTypeName": row["type"],
        "attributes": json.loads(row["attributes"]),
        "version": row["version"],
        "billingGroupName": row["billing_group"],
    }


@operation("iot", "UpdateThing")
def update_thing(context: Context, params: Params) -> Output | None:
    """Change the type or attributes; every update increments the version.

    Without `merge`, the attributes in the request replace all existing ones. With `merge`, an existing attribute stays, unless
    the request has another value for it, or an empty value, which removes it. If the request has no member `attributes`, the
    existing attributes stay unchanged.

    Raises ResourceNotFound for an unknown thing or type, VersionConflict (409); InvalidRequest for too many or too large
    attributes, a deprecated type, and `removeThingType` together with `thingTypeName`.
    """
    row = require_thing(context, params["thingName"])
    _require_version(params, row)
    if params.get("removeThingType") and "thingTypeName" in params:
        raise context.invalid("removeThingType cannot be given together with thingTypeName.")
    thing_type = None if params.get("removeThingType") else params.get("thingTypeName", row["type"])
    if thing_type is not None and thing_type != row["type"]:
        require_assignable_thing_type(context, thing_type)
    previous_attributes = json.loads(row["attributes"])
    attributes = update_attributes(previous_attributes, params.get("attributePayload"))
    require_attribute_limits(context, attributes, _find_max_attributes(thing_type))
    context.tx.run(
        "UPDATE things SET type = ?, attributes = ?, version = version + 1 WHERE seq = ?",
        thing_type,
        json.dumps(attributes),
        row["seq"],
    )
    if attributes != previous_attributes:
        context.tx.run("DELETE FROM thing_attributes WHERE seq = ?", row["seq"])
        _index_attributes(context, row["name"], attributes)
    return None


@operation("iot", "DeleteThing")
def delete_thing(context: Context, params: Params) -> Output | None:
    """Delete a thing and its group memberships; a missing thing is not an error.

    Raises InvalidRequest while a principal is attached and for `detach_lag_seconds` afterwards, VersionConflict (409).
    """
    row = find_thing(context, params["thingName"])
    if row is None:
        return None
    _require_version(params, row)
    if is_thing_in_use(context, row["name"]):
        raise context.invalid(
            f"Cannot delete. Thing {row['name']} is still attached to one or more principals"
        )
    # ON DELETE CASCADE deletes its attributes and group memberships.
    context.tx.run("DELETE FROM things WHERE seq = ?", row["seq"])
    delete_thing_edges(context, row["name"])
    return None


def _require_version(params: Params, row: Row) -> None:
    expected = params.get("expectedVersion")
    if expected is not None and expected != row["version"]:
        raise version_conflict(f"thing {row['name']}", expected, row["version"])


def _find_max_attributes(thing_type: str | None) -> int:
    return MAX_ATTRIBUTES_UNTYPED if thing_type is None else MAX_ATTRIBUTES_TYPED


def _repeat_creation(context: Context, row: Row, attributes: Mapping[str, str], params: Params) -> Output:
    """Return the output for a thing that already exists.

    Raises ResourceAlreadyExists if the request has other properties than the thing.
    """
    has_same_attributes = json.loads(row["attributes"]) == attributes
    has_same_type = row["type"] == params.get("thingTypeName")
    has_same_billing_group = row["billing_group"] == params.get("billingGroupName")
    arn = build_thing_arn(context, row["name"])
    if not (has_same_attributes and has_same_type and has_same_billing_group):
        difference = "configuration" if has_same_attributes else "attributes"
        raise already_exists(
            f"Thing {row['name']} already exists in account with different {difference}",
            resource_id=row["id"],
            resource_arn=arn,
        )
    return {"thingName": row["name"], "thingArn": arn, "thingId": row["id"]}


def _index_attributes(context: Context, name: str, attributes: Mapping[str, str]) -> None:
    """Store the attributes of a thing one per row, so that they can be searched."""
    if attributes:
        context.tx.run_many(
            "INSERT INTO thing_attributes (scope, name, value, seq)"
            " VALUES (?, ?, ?, (SELECT seq FROM things WHERE scope = ? AND name = ?))",
            [(context.scope, key, value, context.scope, name) for key, value in attributes.items()],
        )
