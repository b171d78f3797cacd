"""ListThingGroups: all groups, those below one, those with a prefix."""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.operations.thing_groups import name_and_arn, require_group
from reconciler.registry.paging import REGISTRY
from reconciler.registry.store import Value

_LAST_CHARACTER = "\U0010ffff"
# A group and everything below it, by name; hierarchies are at most seven deep and bounded by their root.
_BELOW = """
    WITH RECURSIVE below (name) AS (
      SELECT name FROM thing_groups WHERE scope = ? AND parent = ?
      UNION ALL
      SELECT g.name FROM thing_groups g JOIN below b ON g.parent = b.name WHERE g.scope = ?
    )
"""


@operation("iot", "ListThingGroups")
def list_thing_groups(context: Context, params: Params) -> Output | None:
    """Give groups in the order of their creation. `recursive` is true when it is not given: without it only the
    children of `parentGroup`, or the groups without parent.

    Raises ResourceNotFound for an unknown parent, InvalidRequest for a bad token.
    """
    page = REGISTRY.start(context, params)
    parent, recursive = params.get("parentGroup"), params.get("recursive", True)
    prologue, where = "", ["scope = ?", "seq > ?"]
    before: list[Value] = []
    values: list[Value] = [context.scope, page.after[0] if page.after else 0]
    if parent is not None:
        require_group(context, parent)
    if parent is not None and recursive:
        prologue, before = _BELOW, [context.scope, parent, context.scope]
        where.append("name IN (SELECT name FROM below)")
    elif not recursive:
        where.append("parent IS ?")
        values.append(parent)
    if "namePrefixFilter" in params:
        where.append("name >= ? AND name < ?")
        values += [params["namePrefixFilter"], params["namePrefixFilter"] + _LAST_CHARACTER]
    rows = context.tx.all(
        f"{prologue}SELECT seq, name FROM thing_groups WHERE {' AND '.join(where)} ORDER BY seq LIMIT ?",  # noqa: S608
        *before,
        *values,
        page.limit,
    )
    return page.build_output(
        "thingGroups", rows, key=lambda row: (row["seq"],), item=lambda row: name_and_arn(context, row)
    )
