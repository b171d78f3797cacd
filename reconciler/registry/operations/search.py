"""SearchIndex: the things or thing groups that match a query, read directly from the registry.

Also the checks of a query that SearchIndex, aggregations and dynamic thing groups have in common.
"""

import json
from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.registry.catalog import Params, Pieces, operation_in_pieces
from reconciler.registry.context import Context
from reconciler.registry.errors import not_found
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
ROWS_PER_PIECE = 150
"""The things or thing groups that one piece of a search reads: a third of a millisecond, even with the slowest query."""

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
    from reconciler.registry.fleet_query import MAX_CHARACTERS, compile_query

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


@operation_in_pieces("iot", "SearchIndex")
def search_index(context: Context, params: Params) -> Pieces:
    """Return the things or thing groups that match a query, in creation order; at most 100 per page.

    A page token is checked after the query. A thing that is created between two pieces may be found, as in AWS's index, which is
    updated after the registry.

    Raises ResourceNotFound while indexing is off, InvalidQuery, InvalidRequest.
    """
    query = prepare_query(context, params, params["queryString"])
    page = SEARCH_PAGER.start_page(context, params)
    if page.size > MAX_RESULTS:
        raise context.invalid(f"maxResults is at most {MAX_RESULTS}.")
    context, rows = yield from _find_rows(context, query, page)
    if query.index is THING_GROUPS:
        return page.build_output(
            "thingGroups", rows, key=lambda row: (row["seq"],), item=lambda row: _to_group_item(context, row)
        )
    context = yield
    groups = _read_groups(context, rows)
    has_connectivity = is_connectivity_indexed(context)
    output = page.build_output(
        "things",
        rows,
        key=lambda row: (row["seq"],),
        item=lambda row: _to_item(row, groups.get(row["seq"], ()), has_connectivity=has_connectivity),
    )
    yield  # writing a hundred things takes as long as a piece
    return output


def _find_rows(
    context: Context, query: PreparedQuery, page: ListPage
) -> Generator[None, Context, tuple[Context, list[Row]]]:
    """Return the rows of a page, with the context of the last piece."""
    table, condition = query.index.table, query.condition
    rows: list[Row] = []
    last_seq = page.after[0] if page.after else 0
    while True:
        piece = context.tx.fetch_one(
            "SELECT count(*) AS count, max(seq) AS last FROM"  # noqa: S608
            f" (SELECT seq FROM {table} WHERE scope = ? AND seq > ? ORDER BY seq LIMIT ?)",
            context.scope,
            last_seq,
            ROWS_PER_PIECE,
        )
        rows += context.tx.fetch_all(
            f"SELECT * FROM {table} t WHERE t.scope = ? AND t.seq > ? AND t.seq <= ? AND {condition.sql}"  # noqa: S608
            " ORDER BY t.seq LIMIT ?",
            context.scope,
            last_seq,
            piece["last"],
            *condition.values,
            page.limit - len(rows),
        )
        if piece["count"] < ROWS_PER_PIECE or len(rows) == page.limit:
            return context, rows
        last_seq = piece["last"]
        context = yield


def _read_groups(context: Context, rows: Sequence[Row]) -> Mapping[int, Sequence[str]]:
    """Return the names of the thing groups of each thing, by the thing's `seq`."""
    groups: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    for member in context.tx.fetch_all(
        "SELECT m.thing, m.thing_group, g.name FROM json_each(?) JOIN thing_group_members m ON m.thing = value"
        " JOIN thing_groups g ON g.seq = m.thing_group",
        json.dumps([row["seq"] for row in rows]),
    ):
        groups[member["thing"]].append((member["thing_group"], member["name"]))
    return {thing: [name for _, name in sorted(names)] for thing, names in groups.items()}


def _to_item(row: Row, groups: Sequence[str], *, has_connectivity: bool) -> dict[str, Any]:
    names = [*groups]
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
