"""Dynamic thing groups: the operations that create, update and delete them.

Dynamic groups are stored in the table of the static groups, with a query.

Invariant: the things of a dynamic group are not stored; its query runs whenever they are listed. A dynamic group is not part of a
hierarchy, and things cannot be added to it; policies can. AWS does not add a thing that is already in ten groups to a dynamic one;
ListThingsInThingGroup does not simulate this, ListThingGroupsForThing does.
"""

import json
import uuid

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.operations.indexing import GROUP_INDEX, THING_INDEX
from reconciler.registry.operations.search import QUERY_VERSION, prepare_query
from reconciler.registry.operations.thing_groups import (
    MAX_ATTRIBUTES,
    build_group_arn,
    find_group,
    require_group,
    require_same_group,
    require_version,
)
from reconciler.registry.shared.attributes import (
    parse_new_attributes,
    require_attribute_limits,
    update_attributes,
)
from reconciler.registry.shared.policy_edges import delete_target_edges
from reconciler.registry.shared.security_profiles import delete_targets
from reconciler.registry.shared.tagging import add_tags, delete_tags, parse_tag_list
from reconciler.registry.store import Row

MAX_DYNAMIC_GROUPS = 100
# CloudFormation recognizes this text, and reports that the request is invalid instead of that the group does not exist
# (aws-cloudformation-resource-providers-iot).
_INDEX_IS_OFF = (
    "AWS IoT Fleet Indexing is not enabled. Please enable index by calling UpdateIndexingConfiguration."
)


@operation("iot", "CreateDynamicThingGroup")
def create_dynamic_thing_group(context: Context, params: Params) -> Output | None:
    """Create a dynamic group.

    UNCONFIRMED: as for a static group, repeating the call succeeds, unless with another query, other properties or
    other tags.

    Raises ResourceNotFound while indexing is off, InvalidQuery, InvalidRequest, LimitExceeded (410) if there are
    already 100 dynamic groups, ResourceAlreadyExists (409).
    """
    name = params["thingGroupName"]
    properties = params.get("thingGroupProperties", {})
    attributes = parse_new_attributes(properties.get("attributePayload"))
    tags = parse_tag_list(context, params.get("tags", []))
    _require_query(context, params, params["queryString"])
    existing = find_group(context, name)
    if existing is not None:
        require_same_group(context, existing, params, tags)
        return _build_output(context, name, existing["id"], existing["query"])
    require_attribute_limits(context, attributes, MAX_ATTRIBUTES)
    _require_group_limit(context)
    group_id = str(uuid.uuid4())
    context.tx.run(
        "INSERT INTO thing_groups (scope, name, id, root, depth, description, attributes, version, created_at,"
        " query, query_version) VALUES (?, ?, ?, ?, 1, ?, ?, 1, ?, ?, ?)",
        context.scope,
        name,
        group_id,
        name,
        properties.get("thingGroupDescription"),
        json.dumps(attributes),
        context.now,
        params["queryString"],
        QUERY_VERSION,
    )
    add_tags(context, build_group_arn(context, name), tags)
    return _build_output(context, name, group_id, params["queryString"])


@operation("iot", "UpdateDynamicThingGroup")
def update_dynamic_thing_group(context: Context, params: Params) -> Output | None:
    """Change the description, attributes or query, and return the group's new version.

    Absent members stay unchanged.

    Raises ResourceNotFound, also while indexing is off, VersionConflict (409), InvalidQuery, InvalidRequest, also for a
    static group.
    """
    row = require_group(context, params["thingGroupName"])
    _require_dynamic(context, row)
    require_version(params, row)
    query = params.get("queryString", row["query"])
    _require_query(context, params, query)
    properties = params["thingGroupProperties"]
    attributes = update_attributes(json.loads(row["attributes"]), properties.get("attributePayload"))
    require_attribute_limits(context, attributes, MAX_ATTRIBUTES)
    context.tx.run(
        "UPDATE thing_groups SET description = ?, attributes = ?, query = ?, query_version = ?, version = version + 1"
        " WHERE seq = ?",
        properties.get("thingGroupDescription", row["description"]),
        json.dumps(attributes),
        query,
        QUERY_VERSION,
        row["seq"],
    )
    return {"version": row["version"] + 1}


@operation("iot", "DeleteDynamicThingGroup")
def delete_dynamic_thing_group(context: Context, params: Params) -> Output | None:
    """Delete a dynamic group and detach its policies; as for static groups, a missing one is not an error.

    Raises InvalidRequest for a static group, VersionConflict (409).
    """
    row = find_group(context, params["thingGroupName"])
    if row is None:
        return None
    _require_dynamic(context, row)
    require_version(params, row)
    context.tx.run("DELETE FROM thing_groups WHERE seq = ?", row["seq"])
    delete_target_edges(context, build_group_arn(context, row["name"]))
    delete_targets(context, build_group_arn(context, row["name"]))
    delete_tags(context, build_group_arn(context, row["name"]))
    return None


def _require_query(context: Context, params: Params, query: str) -> None:
    """Check that a query is valid for the index of things."""
    if params.get("indexName") == GROUP_INDEX:
        raise context.invalid(f"A dynamic thing group queries the index {THING_INDEX}, not {GROUP_INDEX}.")
    prepare_query(context, params, query, text_if_off=_INDEX_IS_OFF)


def _require_dynamic(context: Context, row: Row) -> None:
    if row["query"] is None:
        raise context.invalid(f"Thing group {row['name']} is not a dynamic thing group.")


def _require_group_limit(context: Context) -> None:
    row = context.tx.fetch_one(
        "SELECT count(*) AS number FROM thing_groups WHERE scope = ? AND query IS NOT NULL", context.scope
    )
    if row["number"] >= MAX_DYNAMIC_GROUPS:
        raise ApiError(
            "LimitExceededException", f"There are at most {MAX_DYNAMIC_GROUPS} dynamic thing groups."
        )


def _build_output(context: Context, name: str, group_id: str, query: str) -> Output:
    return {
        "thingGroupName": name,
        "thingGroupArn": build_group_arn(context, name),
        "thingGroupId": group_id,
        "indexName": THING_INDEX,
        "queryString": query,
        "queryVersion": QUERY_VERSION,
    }
