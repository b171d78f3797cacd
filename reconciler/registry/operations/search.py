"""SearchIndex: the things that match a query, from the registry itself."""

import json
from typing import Any

from reconciler.registry.catalog import Params, Result, operation
from reconciler.registry.context import Context
from reconciler.registry.fleet_query import compile_query
from reconciler.registry.operations.indexing import INDEX, indexes_connectivity, require_index
from reconciler.registry.paging import SEARCH
from reconciler.registry.store import Row

MOST_RESULTS = 100
QUERY_VERSION = "2017-09-30"


def require_query_version(context: Context, version: str | None) -> str:
    """Give the version of the query language that is meant, of which there is one. Raises InvalidRequest for others."""
    if version not in (None, QUERY_VERSION):
        raise context.invalid(f"The query version {version} is not supported; {QUERY_VERSION} is.")
    return QUERY_VERSION


@operation("iot", "SearchIndex", writes=False)
def search_index(context: Context, params: Params) -> Result | None:
    """Give the things that match a query, in the order of their creation; at most 100 a page.

    Raises ResourceNotFound while there is no index, InvalidQuery, InvalidRequest.
    """
    page = SEARCH.start(context, params)
    if page.size > MOST_RESULTS:
        raise context.invalid(f"maxResults is at most {MOST_RESULTS}.")
    require_query_version(context, params.get("queryVersion"))
    require_index(context, params.get("indexName", INDEX))
    condition = compile_query(params["queryString"])
    rows = context.tx.all(
        f"SELECT * FROM things t WHERE t.scope = ? AND t.seq > ? AND {condition.sql} ORDER BY t.seq LIMIT ?",  # noqa: S608
        context.scope,
        page.after[0] if page.after else 0,
        *condition.values,
        page.limit,
    )
    connectivity = {"connected": False} if indexes_connectivity(context) else None
    return page.answer(
        "things", rows, key=lambda row: (row["seq"],), item=lambda row: _item(context, row, connectivity)
    )


def _item(context: Context, row: Row, connectivity: dict[str, Any] | None) -> dict[str, Any]:
    groups = context.tx.all(
        "SELECT g.name FROM thing_group_members m JOIN thing_groups g ON g.seq = m.thing_group"
        " WHERE m.thing = ? ORDER BY m.thing_group",
        row["seq"],
    )
    names = [group["name"] for group in groups]
    if row["billing_group"] is not None:
        names.append(row["billing_group"])
    return {
        "thingName": row["name"],
        "thingId": row["id"],
        "thingTypeName": row["type"],
        "thingGroupNames": names or None,
        "attributes": json.loads(row["attributes"]) or None,
        "connectivity": connectivity,
    }
