"""SearchIndex: the things or thing groups that match a query, read directly from the registry.

Also the checks of a query that SearchIndex, aggregations and dynamic thing groups have in common.
"""

import json
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import not_found
from reconciler.registry.fleet_query import MAX_CHARACTERS, compile_query
from reconciler.registry.operations.indexing import (
    THING_INDEX,
    is_connectivity_indexed,
    is_index_on,
    read_indexed_sources,
)
from reconciler.registry.paging import SEARCH_PAGER, ListPage
from reconciler.registry.search_fields import THING_GROUPS, THINGS, SearchIndex, SqlCondition
from reconciler.registry.store import Row
from reconciler.registry.wire.constraints import ValidationErrors

MAX_RESULTS = 100
QUERY_VERSION = "2017-09-30"


@frozen
class PreparedQuery:
    """A query of a request after the checks that all operations with a query have in common."""

    index: SearchIndex
    condition: SqlCondition


def prepare_query(
    context: Context, params: Params, query: str, *, text_if_off: str | None = None
) -> PreparedQuery:
    """Check the query and the index of a request, in AWS's order, and compile the query.

    `text_if_off` replaces the error's text for an index that is off.

    Raises InvalidRequest for a query that is too long, an unknown index or query version, and a field whose data source is
    not indexed; ResourceNotFound for an index that is off; InvalidQuery.
    """
    if len(query) > MAX_CHARACTERS:
        errors = ValidationErrors()
        errors.add("queryString", query, f"Member must have length less than or equal to {MAX_CHARACTERS}")
        raise context.invalid(errors.format_message())
    name = params.get("indexName", THING_INDEX)
    if params.get("queryVersion", QUERY_VERSION) != QUERY_VERSION:
        raise context.invalid(f"Invalid queryVersion. Expected one of: [{QUERY_VERSION}]")
    if not is_index_on(context, name):
        text = f"Index {name} does not exist. Please enable index by calling UpdateIndexingConfiguration"
        raise not_found(text_if_off or text)
    index = THINGS if name == THING_INDEX else THING_GROUPS
    return PreparedQuery(index, compile_query(query, index, read_indexed_sources(context)))


@operation("iot", "SearchIndex", writes=False)
def search_index(context: Context, params: Params) -> Output | None:
    """Return the things or thing groups that match a query, in creation order; at most 100 per page.

    A page token is checked after the query.

    Raises ResourceNotFound while indexing is off, InvalidQuery, InvalidRequest.
    """
    query = prepare_query(context, params, params["queryString"])
    page = SEARCH_PAGER.start_page(context, params)
    if page.size > MAX_RESULTS:
        raise context.invalid(f"maxResults is at most {MAX_RESULTS}.")
    rows = _find_rows(context, query, page)
    if query.index is THING_GROUPS:
        return page.build_output(
            "thingGroups", rows, key=lambda row: (row["seq"],), item=lambda row: _to_group_item(context, row)
        )
    has_connectivity = is_connectivity_indexed(context)
    return page.build_output(
        "things",
        rows,
        key=lambda row: (row["seq"],),
        item=lambda row: _to_item(context, row, has_connectivity=has_connectivity),
    )


def _find_rows(context: Context, query: PreparedQuery, page: ListPage) -> list[Row]:
    return context.tx.fetch_all(
        f"SELECT * FROM {query.index.table} t WHERE t.scope = ? AND t.seq > ? AND {query.condition.sql}"  # noqa: S608
        " ORDER BY t.seq LIMIT ?",
        context.scope,
        page.after[0] if page.after else 0,
        *query.condition.values,
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
