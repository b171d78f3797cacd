"""ListThingGroups: all groups, or only those below a parent, with a name prefix, or with both."""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.operations.thing_groups import require_group, to_name_and_arn
from reconciler.registry.paging import REGISTRY_PAGER
from reconciler.registry.store import Value, build_prefix_end

# SQL for the names of a group's descendants. The recursion is short: a hierarchy has at most seven levels.
_DESCENDANTS = """
    WITH RECURSIVE below (name) AS (
      SELECT name FROM thing_groups WHERE scope = ? AND parent = ?
      UNION ALL
      SELECT g.name FROM thing_groups g JOIN below b ON g.parent = b.name WHERE g.scope = ?
    )
"""


@operation("iot", "ListThingGroups")
def list_thing_groups(context: Context, params: Params) -> Output | None:
    """Return the groups in creation order: the descendants of `parentGroup`, or all.

    If `recursive` is false (the default is true), only the children of `parentGroup` are returned or, without `parentGroup`,
    only the groups that have no parent. `namePrefixFilter` selects, from all these, the groups whose names start with it.

    Raises ResourceNotFound for an unknown parent, InvalidRequest for an invalid `nextToken`.
    """
    page = REGISTRY_PAGER.start_page(context, params)
    parent, recursive = params.get("parentGroup"), params.get("recursive", True)
    with_clause = ""
    where = ["scope = ?", "seq > ?"]
    with_values: list[Value] = []
    values: list[Value] = [context.scope, page.after[0] if page.after else 0]
    if parent is not None:
        require_group(context, parent)
    if parent is not None and recursive:
        with_clause, with_values = _DESCENDANTS, [context.scope, parent, context.scope]
        where.append("name IN (SELECT name FROM below)")
    elif not recursive:
        where.append("parent IS ?")
        values.append(parent)
    if "namePrefixFilter" in params:
        where.append("name >= ? AND name < ?")
        values += [params["namePrefixFilter"], build_prefix_end(params["namePrefixFilter"])]
    rows = context.tx.fetch_all(
        f"{with_clause}SELECT seq, name FROM thing_groups WHERE {' AND '.join(where)} ORDER BY seq LIMIT ?",  # noqa: S608
        *with_values,
        *values,
        page.limit,
    )
    return page.build_output(
        "thingGroups", rows, key=lambda row: (row["seq"],), item=lambda row: to_name_and_arn(context, row)
    )
