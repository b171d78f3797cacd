"""Thing groups: their table, and the operations that create, describe, update and delete them.

Dynamic groups are in the same table, with a query, and have their own operations for creation, update and deletion. A group's
parent never changes, so its `root` and `depth` are written once. A hierarchy consists of all groups with the same root.
`children_until` is the time until which a deleted child group still blocks the group's deletion; it is null if none was deleted.
"""

import json
import uuid
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import already_exists, not_found, version_conflict
from reconciler.registry.operations.indexing import THING_INDEX
from reconciler.registry.shared.attributes import (
    parse_new_attributes,
    require_attribute_limits,
    update_attributes,
)
from reconciler.registry.shared.policy_edges import delete_target_edges
from reconciler.registry.shared.security_profiles import delete_targets
from reconciler.registry.shared.tagging import add_tags, allow_tags, delete_tags, parse_tag_list, read_tags
from reconciler.registry.store import Row

SCHEMA = (
    """
    CREATE TABLE thing_groups (
      seq INTEGER PRIMARY KEY,
      scope INTEGER NOT NULL,
      name TEXT NOT NULL,
      id TEXT NOT NULL,
      parent TEXT,
      root TEXT NOT NULL,
      depth INTEGER NOT NULL,
      description TEXT,
      attributes TEXT NOT NULL,
      version INTEGER NOT NULL,
      created_at REAL NOT NULL,
      UNIQUE (scope, name)
    )
    """,
    "CREATE INDEX thing_groups_by_age ON thing_groups (scope, seq)",
    "CREATE INDEX thing_groups_by_parent ON thing_groups (scope, parent, seq)",
    "CREATE INDEX thing_groups_by_root ON thing_groups (scope, root, seq)",
    "ALTER TABLE thing_groups ADD COLUMN query TEXT",
    "ALTER TABLE thing_groups ADD COLUMN query_version TEXT",
    "CREATE INDEX thing_groups_dynamic ON thing_groups (scope, seq) WHERE query IS NOT NULL",
    "ALTER TABLE thing_groups ADD COLUMN children_until REAL",
)

MAX_DEPTH = 7
MAX_CHILDREN = 100
MAX_ATTRIBUTES = 50


def find_group(context: Context, name: str) -> Row | None:
    """Return the row of a thing group, or None."""
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM thing_groups WHERE scope = ? AND name = ?", context.scope, name
    )
    return row


def require_group(context: Context, name: str) -> Row:
    """Return the row of a thing group. Raises ResourceNotFound."""
    row = find_group(context, name)
    if row is None:
        raise not_found(f"Thing group {name} does not exist")
    return row


def build_group_arn(context: Context, name: str) -> str:
    """Return the ARN of a thing group of this account and Region."""
    return context.build_arn(f"thinggroup/{name}")


def find_ancestors(context: Context, row: Row) -> list[Row]:
    """Return the ancestors of a group, the root first."""
    rows: list[Row] = []
    while row["parent"] is not None:
        row = require_group(context, row["parent"])
        rows.insert(0, row)
    return rows


def to_name_and_arn(context: Context, row: Row) -> dict[str, str]:
    """Return the item that represents a group in list outputs."""
    return {"groupName": row["name"], "groupArn": build_group_arn(context, row["name"])}


def require_static(context: Context, row: Row) -> None:
    """Raise InvalidRequest for a dynamic group, with AWS's text (aws-nuke issue 1199)."""
    if row["query"] is not None:
        arn = build_group_arn(context, row["name"])
        raise context.invalid(f"This operation does not support dynamic thing groups. Thing group arn: {arn}")


def require_version(params: Params, row: Row) -> None:
    """Raise VersionConflict if an expected version is given and is not the current one."""
    expected = params.get("expectedVersion")
    if expected is not None and expected != row["version"]:
        raise version_conflict(f"thing group {row['name']}", expected, row["version"])


def require_same_group(context: Context, row: Row, params: Params, tags: dict[str, str]) -> None:
    """Raise ResourceAlreadyExists (409) if the existing group differs from the creation request.

    Parent, query, description and attributes are compared. So are tags if the request has some (UNCONFIRMED): if they were
    ignored, they would be lost silently.
    """
    properties, arn = params.get("thingGroupProperties", {}), build_group_arn(context, row["name"])
    is_same = (
        row["parent"] == params.get("parentGroupName")
        and row["query"] == params.get("queryString")
        and row["description"] == properties.get("thingGroupDescription")
        and json.loads(row["attributes"]) == parse_new_attributes(properties.get("attributePayload"))
        and (not tags or read_tags(context, arn) == tags)
    )
    if not is_same:
        raise already_exists(
            f"Thing Group {row['name']} already exists in current account with different properties",
            resource_id=row["id"],
            resource_arn=arn,
        )


@allow_tags("iot", "thinggroup")
def group_exists(context: Context, name: str) -> bool:
    """Return whether the thing group exists."""
    return find_group(context, name) is not None


@operation("iot", "CreateThingGroup")
def create_thing_group(context: Context, params: Params) -> Output | None:
    """Create a group.

    Repeating the call succeeds, unless the parent, the properties or the tags are different from those of the existing group.

    Raises InvalidRequest for an unknown or dynamic parent (AWS's service model has no ResourceNotFound for this operation),
    a hierarchy deeper than 7 levels, a 101st child, too many or too large attributes, or invalid tags; ResourceAlreadyExists
    (409).
    """
    name = params["thingGroupName"]
    properties = params.get("thingGroupProperties", {})
    attributes = parse_new_attributes(properties.get("attributePayload"))
    tags = parse_tag_list(context, params.get("tags", []))
    existing = find_group(context, name)
    if existing is not None:
        require_same_group(context, existing, params, tags)
        return _build_output(context, name, existing["id"])
    require_attribute_limits(context, attributes, MAX_ATTRIBUTES)
    root, depth = _find_root_and_depth(context, name, params.get("parentGroupName"))
    group_id = str(uuid.uuid4())
    context.tx.run(
        "INSERT INTO thing_groups (scope, name, id, parent, root, depth, description, attributes, version, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?)",
        context.scope,
        name,
        group_id,
        params.get("parentGroupName"),
        root,
        depth,
        properties.get("thingGroupDescription"),
        json.dumps(attributes),
        context.now,
    )
    add_tags(context, build_group_arn(context, name), tags)
    return _build_output(context, name, group_id)


@operation("iot", "DescribeThingGroup")
def describe_thing_group(context: Context, params: Params) -> Output | None:
    """Return everything about a group, static or dynamic, except its things and tags.

    Raises ResourceNotFound.
    """
    row = require_group(context, params["thingGroupName"])
    metadata: dict[str, Any] = {"creationDate": row["created_at"]}
    if row["parent"] is not None:
        metadata["parentGroupName"] = row["parent"]
        metadata["rootToParentThingGroups"] = [
            to_name_and_arn(context, group) for group in find_ancestors(context, row)
        ]
    attributes = json.loads(row["attributes"])
    return {
        "thingGroupName": row["name"],
        "thingGroupId": row["id"],
        "thingGroupArn": build_group_arn(context, row["name"]),
        "version": row["version"],
        "thingGroupProperties": {
            "thingGroupDescription": row["description"],
            "attributePayload": {"attributes": attributes} if attributes else None,
        },
        "thingGroupMetadata": metadata,
        **(_build_query_members(row) if row["query"] is not None else {}),
    }


@operation("iot", "UpdateThingGroup")
def update_thing_group(context: Context, params: Params) -> Output | None:
    """Change the description or attributes, and return the new version; absent members stay unchanged.

    Raises ResourceNotFound, VersionConflict (409), InvalidRequest for too many or too large attributes and for a dynamic group.
    """
    row = require_group(context, params["thingGroupName"])
    require_static(context, row)
    require_version(params, row)
    properties = params["thingGroupProperties"]
    attributes = update_attributes(json.loads(row["attributes"]), properties.get("attributePayload"))
    require_attribute_limits(context, attributes, MAX_ATTRIBUTES)
    context.tx.run(
        "UPDATE thing_groups SET description = ?, attributes = ?, version = version + 1 WHERE seq = ?",
        properties.get("thingGroupDescription", row["description"]),
        json.dumps(attributes),
        row["seq"],
    )
    return {"version": row["version"] + 1}


@operation("iot", "DeleteThingGroup")
def delete_thing_group(context: Context, params: Params) -> Output | None:
    """Delete a group; a missing group is not an error.

    Its things are not deleted, and its policies are detached.

    Raises InvalidRequest for a dynamic group, and for a group with children or a child that was deleted within the last
    `detach_lag_seconds`: Terraform's provider waits for this. Raises VersionConflict (409).
    """
    row = find_group(context, params["thingGroupName"])
    if row is None:
        return None
    require_static(context, row)
    require_version(params, row)
    if _count_children(context, row["name"]) or context.now < (row["children_until"] or 0):
        # AWS's text (developer guide, "Delete a thing group"), which Terraform searches before it tries again.
        raise context.invalid(
            f"Cannot delete thing group : {row['name']} when there are still child groups attached to it"
        )
    # ON DELETE CASCADE deletes its memberships.
    context.tx.run("DELETE FROM thing_groups WHERE seq = ?", row["seq"])
    context.tx.run(
        "UPDATE thing_groups SET children_until = ? WHERE scope = ? AND name = ?",
        context.now + context.settings.detach_lag_seconds,
        context.scope,
        row["parent"],
    )
    delete_target_edges(context, build_group_arn(context, row["name"]))
    delete_targets(context, build_group_arn(context, row["name"]))
    delete_tags(context, build_group_arn(context, row["name"]))
    return None


def _build_query_members(row: Row) -> dict[str, str]:
    return {
        "indexName": THING_INDEX,
        "queryString": row["query"],
        "queryVersion": row["query_version"],
        "status": "ACTIVE",
    }


def _count_children(context: Context, name: str) -> int:
    row = context.tx.fetch_one(
        "SELECT count(*) AS number FROM thing_groups WHERE scope = ? AND parent = ?", context.scope, name
    )
    return int(row["number"])


def _find_root_and_depth(context: Context, name: str, parent: str | None) -> tuple[str, int]:
    """Return the name of the root of a new group's hierarchy, and the group's depth; a root has depth 1."""
    if parent is None:
        return name, 1
    parent_row = find_group(context, parent)
    if parent_row is None:
        raise context.invalid(f"The parent thing group {parent} does not exist.")
    require_static(context, parent_row)
    if parent_row["depth"] >= MAX_DEPTH:
        raise context.invalid(f"A hierarchy of thing groups has at most {MAX_DEPTH} levels.")
    if _count_children(context, parent) >= MAX_CHILDREN:
        raise context.invalid(f"A thing group has at most {MAX_CHILDREN} direct child groups.")
    return parent_row["root"], parent_row["depth"] + 1


def _build_output(context: Context, name: str, group_id: str) -> Output:
    return {"thingGroupName": name, "thingGroupArn": build_group_arn(context, name), "thingGroupId": group_id}
