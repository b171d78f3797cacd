"""SearchIndex: the things or thing groups that match a query, read directly from the registry."""

import json
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.fleet_query import THING_GROUPS, SqlCondition, compile_query
from reconciler.registry.operations.indexing import (
    GROUP_INDEX,
    THING_INDEX,
    is_connectivity_indexed,
    require_index,
    require_indexed_sources,
)
from reconciler.registry.paging import SEARCH_PAGER, ListPage
from reconciler.registry.store import Row

MAX_RESULTS = 100
QUERY_VERSION = "2017-09-30"


def require_query_version(context: Context, version: str | None) -> str:
    """Return the only query version. Raises InvalidRequest if the request has another one."""
    if version not in (None, QUERY_VERSION):
        raise context.invalid(f"Invalid queryVersion. Expected one of: [{QUERY_VERSION}]")
    return QUERY_VERSION


@operation("iot", "SearchIndex", writes=False)
def search_index(context: Context, params: Params) -> Output | None:
    """Return the things or thing groups that match a query, in creation order; at most 100 per page.

    Raises ResourceNotFound while indexing is off, InvalidQuery, InvalidRequest.
    """
    page = SEARCH_PAGER.start_page(context, params)
    if page.size > MAX_RESULTS:
        raise context.invalid(f"maxResults is at most {MAX_RESULTS}.")
    require_query_version(context, params.get("queryVersion"))
    index = params.get("indexName", THING_INDEX)
    require_index(context, index)
    if index == GROUP_INDEX:
        condition = compile_query(params["queryString"], THING_GROUPS)
        rows = _find_rows(context, "thing_groups", condition, page)
        return page.build_output(
            "thingGroups", rows, key=lambda row: (row["seq"],), item=lambda row: _to_group_item(context, row)
        )
    condition = compile_query(params["queryString"])
    require_indexed_sources(context, condition.sources)
    has_connectivity = is_connectivity_indexed(context)
    rows = _find_rows(context, "things", condition, page)
    return page.build_output(
        "things",
        rows,
        key=lambda row: (row["seq"],),
        item=lambda row: _to_item(context, row, has_connectivity=has_connectivity),
    )


def _find_rows(context: Context, table: str, condition: SqlCondition, page: ListPage) -> list[Row]:
    return context.tx.fetch_all(
        f"SELECT * FROM {table} t WHERE t.scope = ? AND t.seq > ? AND {condition.sql} ORDER BY t.seq LIMIT ?",  # noqa: S608
        context.scope,
        page.after[0] if page.after else 0,
        *condition.values,
        page.limit,
    )


def _to_item(context: Context, row: Row, *, has_connectivity: bool) -> dict[str, Any]:
    groups = context.tx.fetch_all(
        "SELECT g.name FROM thing_group_members m JOIN thing_groups g ON g.seq = m.thing_group"
        " WHERE m.thing = ? ORDER BY m.thing_group",
        row["seq"],
    )
    names = [group["name"] for group in groups]
    if row["billing_group"] is not None:
        names.append(row["billing_group"])
    # No thing ever connects here; this is what AWS returns for a thing that never connected.
    connectivity = {"connected": False, "timestamp": 0, "clientId": row["name"]}
    return {
        "thingName": row["name"],
        "thingId": row["id"],
        "thingTypeName": row["type"],
        "thingGroupNames": names or None,
        "attributes": json.loads(row["attributes"]) or None,
        "connectivity": connectivity if has_connectivity else None,
    }


def _to_group_item(context: Context, row: Row) -> dict[str, Any]:
    # The ancestors, from the root to the parent.
    ancestors: list[str] = []
    parent = row["parent"]
    while parent is not None:
        ancestors.insert(0, parent)
        parent_row = context.tx.fetch_one(
            "SELECT parent FROM thing_groups WHERE scope = ? AND name = ?", context.scope, parent
        )
        parent = parent_row["parent"]
    return {
        "thingGroupName": row["name"],
        "thingGroupId": row["id"],
        "thingGroupDescription": row["description"],
        "attributes": json.loads(row["attributes"]) or None,
        "parentGroupNames": ancestors or None,
    }
