"""ListThings: all things, or those with an attribute or a type."""

import json
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.operations.things import build_thing_arn
from reconciler.registry.paging import REGISTRY_PAGER, ListPage
from reconciler.registry.store import Row, build_prefix_end

_COLUMNS = "t.seq, t.name, t.type, t.attributes, t.version"


@operation("iot", "ListThings")
def list_things(context: Context, params: Params) -> Output | None:
    """Return the things in creation order.

    With an attribute filter, they are ordered by the attribute's value; those with the same value are in creation order.

    Raises InvalidRequest for an invalid `nextToken`, for `attributeValue` without `attributeName` (UNCONFIRMED: AWS may
    ignore it and list all things), and for a filter by attribute and type at once (aws-sdk-js issue 4237).
    """
    page = REGISTRY_PAGER.start_page(context, params)
    if "attributeName" in params and "thingTypeName" in params:
        raise context.invalid(
            "Listing things by the combination of attribute and thing type is not supported"
        )
    if "attributeName" in params:
        return _list_by_attribute(context, params, page)
    if "attributeValue" in params:
        raise context.invalid("attributeValue requires attributeName.")
    where, values = ["t.scope = ?", "t.seq > ?"], [context.scope, page.after[0] if page.after else 0]
    if "thingTypeName" in params:
        where.append("t.type = ?")
        values.append(params["thingTypeName"])
    rows = context.tx.fetch_all(
        f"SELECT {_COLUMNS} FROM things t WHERE {' AND '.join(where)} ORDER BY t.seq LIMIT ?",  # noqa: S608
        *values,
        page.limit,
    )
    return page.build_output(
        "things", rows, key=lambda row: (row["seq"],), item=lambda row: _to_item(context, row)
    )


def _list_by_attribute(context: Context, params: Params, page: ListPage) -> Output:
    """Return a page of the things that have an attribute.

    Without `attributeValue`, every value of the attribute matches. Otherwise, only this value matches or, with
    `usePrefixAttributeValue`, every value that starts with it.
    """
    value, is_prefix = params.get("attributeValue"), bool(params.get("usePrefixAttributeValue"))
    # The first page starts at `attributeValue`, before which no value can match.
    after_value, after_seq = page.after or (value or "", 0)
    where, values = ["a.scope = ?", "a.name = ?"], [context.scope, params["attributeName"]]
    if value is not None and not is_prefix:
        where.append("a.value = ? AND a.seq > ?")
        values += [value, after_seq]
    else:
        where.append("(a.value, a.seq) > (?, ?)")
        values += [after_value, after_seq]
    if value is not None and is_prefix:
        where.append("a.value < ?")
        values.append(build_prefix_end(value))
    rows = context.tx.fetch_all(
        # CROSS JOIN makes SQLite read `thing_attributes` first, in the order of its primary key.
        f"SELECT {_COLUMNS}, a.value AS attribute_value FROM thing_attributes a"  # noqa: S608
        " CROSS JOIN things t ON t.seq = a.seq"
        f" WHERE {' AND '.join(where)} ORDER BY a.value, a.seq LIMIT ?",
        *values,
        page.limit,
    )
    return page.build_output(
        "things",
        rows,
        key=lambda row: (row["attribute_value"], row["seq"]),
        item=lambda row: _to_item(context, row),
    )


def _to_item(context: Context, row: Row) -> dict[str, Any]:
    return {
        "thingName": row["name"],
        "thingTypeName": row["type"],
        "thingArn": build_thing_arn(context, row["name"]),
        "attributes": json.loads(row["attributes"]),
        "version": row["version"],
    }
