"""Members of thing groups: their table, and the operations that change or list them.

ListThingGroupsForThing is here too.

Invariant: a thing is in at most 10 groups, and never in two of one hierarchy. The things of a dynamic group are not stored: the
group's query runs whenever its things, or the groups of any thing, are listed. If more dynamic groups match a thing than it can still
be in, it is in the oldest of them, so a new static group displaces the last dynamic one.
"""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.operations.thing_groups import (
    build_group_arn,
    require_group,
    require_static,
    to_name_and_arn,
)
from reconciler.registry.operations.things import build_thing_arn, require_thing
from reconciler.registry.paging import REGISTRY_PAGER
from reconciler.registry.shared.naming import resolve_name
from reconciler.registry.store import Row

SCHEMA = (
    """
    CREATE TABLE thing_group_members (
      scope INTEGER NOT NULL,
      thing_group INTEGER NOT NULL REFERENCES thing_groups (seq) ON DELETE CASCADE,
      thing INTEGER NOT NULL REFERENCES things (seq) ON DELETE CASCADE,
      PRIMARY KEY (thing_group, thing)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX thing_group_members_by_thing ON thing_group_members (thing, thing_group)",
)

MAX_GROUPS = 10

_SELECT_THINGS_IN_GROUP_OR_BELOW = """
    WITH RECURSIVE within (seq, name) AS (
      SELECT seq, name FROM thing_groups WHERE seq = ?
      UNION ALL
      SELECT g.seq, g.name FROM thing_groups g JOIN within w ON g.parent = w.name WHERE g.scope = ?
    )
    SELECT t.seq, t.name FROM things t
    WHERE t.seq IN (SELECT m.thing FROM thing_group_members m JOIN within w ON w.seq = m.thing_group WHERE m.thing > ?)
    ORDER BY t.seq LIMIT ?
"""


@operation("iot", "AddThingToThingGroup")
def add_thing_to_thing_group(context: Context, params: Params) -> Output | None:
    """Add a thing to a group; both are given by name or ARN. Repeating the call succeeds.

    With `overrideDynamicGroups`, a thing in ten groups leaves its last dynamic group.

    Raises ResourceNotFound, InvalidRequest for a dynamic group, an 11th group or a second group in one hierarchy.
    """
    thing, group = _require_named_thing(context, params), _require_named_group(context, params)
    _add(context, thing, group, params)
    return None


@operation("iot", "RemoveThingFromThingGroup")
def remove_thing_from_thing_group(context: Context, params: Params) -> Output | None:
    """Remove a thing from a group; both are given by name or ARN.

    If the thing is not a member, nothing changes.

    Raises ResourceNotFound, InvalidRequest for a dynamic group.
    """
    thing, group = _require_named_thing(context, params), _require_named_group(context, params)
    _remove(context, thing, group)
    return None


@operation("iot", "UpdateThingGroupsForThing")
def update_thing_groups_for_thing(context: Context, params: Params) -> Output | None:
    """Remove a thing from groups and add it to others, all or nothing; the removals come first.

    Raises ResourceNotFound, InvalidRequest for a group in both lists, and what AddThingToThingGroup and
    RemoveThingFromThingGroup raise for a single group.
    """
    thing = _require_named_thing(context, params)
    added_names = params.get("thingGroupsToAdd", [])
    removed_names = params.get("thingGroupsToRemove", [])
    if set(added_names) & set(removed_names):
        raise context.invalid("A thing group is in both thingGroupsToAdd and thingGroupsToRemove.")
    for name in removed_names:
        _remove(context, thing, require_group(context, name))
    for name in added_names:
        _add(context, thing, require_group(context, name), params)
    return None


@operation("iot", "ListThingsInThingGroup")
def list_things_in_thing_group(context: Context, params: Params) -> Output | None:
    """Return the names of a group's things in creation order.

    With `recursive`, the things of the group's descendants are included.

    Raises ResourceNotFound.
    """
    page = REGISTRY_PAGER.start_page(context, params)
    group = require_group(context, params["thingGroupName"])
    after = page.after[0] if page.after else 0
    if group["query"] is not None:
        from reconciler.registry.fleet_query import compile_query

        condition = compile_query(group["query"])
        rows = context.tx.fetch_all(
            f"SELECT t.seq, t.name FROM things t WHERE t.scope = ? AND t.seq > ? AND {condition.sql}"  # noqa: S608
            " ORDER BY t.seq LIMIT ?",
            context.scope,
            after,
            *condition.values,
            page.limit,
        )
    elif params.get("recursive"):
        rows = context.tx.fetch_all(
            _SELECT_THINGS_IN_GROUP_OR_BELOW,
            group["seq"],
            context.scope,
            after,
            page.limit,
        )
    else:
        rows = context.tx.fetch_all(
            "SELECT t.seq, t.name FROM thing_group_members m JOIN things t ON t.seq = m.thing"
            " WHERE m.thing_group = ? AND m.thing > ? ORDER BY m.thing LIMIT ?",
            group["seq"],
            after,
            page.limit,
        )
    return page.build_output("things", rows, key=lambda row: (row["seq"],), item=lambda row: row["name"])


@operation("iot", "ListThingGroupsForThing")
def list_thing_groups_for_thing(context: Context, params: Params) -> Output | None:
    """Return the static groups of a thing, and the dynamic ones whose query it matches.

    Raises ResourceNotFound.
    """
    page = REGISTRY_PAGER.start_page(context, params)
    thing = require_thing(context, params["thingName"])
    after = page.after[0] if page.after else 0
    static_groups = context.tx.fetch_all(
        "SELECT g.seq, g.name FROM thing_group_members m JOIN thing_groups g ON g.seq = m.thing_group"
        " WHERE m.thing = ? AND m.thing_group > ? ORDER BY m.thing_group LIMIT ?",
        thing["seq"],
        after,
        page.limit,
    )
    dynamic_groups = find_dynamic_groups(context, thing)
    groups = [*static_groups, *(group for group in dynamic_groups if group["seq"] > after)]
    rows = sorted(groups, key=lambda row: int(row["seq"]))[: page.limit]
    return page.build_output(
        "thingGroups", rows, key=lambda row: (row["seq"],), item=lambda row: to_name_and_arn(context, row)
    )


def find_dynamic_groups(context: Context, thing: Row) -> list[Row]:
    """Return the dynamic groups that a thing is in: those that match it, up to the limit of groups.

    Its static groups count toward the limit first. Each group's query is run; there are at most 100 dynamic groups.
    """
    dynamic_groups = context.tx.fetch_all(
        "SELECT * FROM thing_groups WHERE scope = ? AND query IS NOT NULL ORDER BY seq", context.scope
    )
    if not dynamic_groups:
        return []
    static_count = len(_list_static_groups(context, thing))
    matching_groups = [group for group in dynamic_groups if _matches_query(context, thing, group["query"])]
    return matching_groups[: MAX_GROUPS - static_count]


def _list_static_groups(context: Context, thing: Row) -> list[Row]:
    return context.tx.fetch_all(
        "SELECT g.seq, g.name, g.root FROM thing_group_members m JOIN thing_groups g ON g.seq = m.thing_group"
        " WHERE m.thing = ?",
        thing["seq"],
    )


def _matches_query(context: Context, thing: Row, query: str) -> bool:
    from reconciler.registry.fleet_query import compile_query

    condition = compile_query(query)
    row = context.tx.fetch_one(
        f"SELECT 1 FROM things t WHERE t.seq = ? AND {condition.sql}",  # noqa: S608
        thing["seq"],
        *condition.values,
    )
    return row is not None


def _add(context: Context, thing: Row, group: Row, params: Params) -> None:
    require_static(context, group)
    current_groups = _list_static_groups(context, thing)
    if any(row["seq"] == group["seq"] for row in current_groups):
        return
    for row in current_groups:
        if row["root"] == group["root"]:
            raise context.invalid(
                f"Thing {thing['name']} is already in thing group {row['name']} of the same hierarchy as {group['name']}."
            )
    group_count = len(current_groups)
    if not params.get("overrideDynamicGroups"):
        group_count += len(find_dynamic_groups(context, thing))
    if group_count >= MAX_GROUPS:
        raise context.invalid(f"A thing can be in at most {MAX_GROUPS} thing groups.")
    context.tx.run(
        "INSERT INTO thing_group_members (scope, thing_group, thing) VALUES (?, ?, ?)",
        context.scope,
        group["seq"],
        thing["seq"],
    )


def _remove(context: Context, thing: Row, group: Row) -> None:
    require_static(context, group)
    context.tx.run(
        "DELETE FROM thing_group_members WHERE thing_group = ? AND thing = ?", group["seq"], thing["seq"]
    )


def _require_named_thing(context: Context, params: Params) -> Row:
    return require_thing(context, resolve_name(context, params, "thing", build_thing_arn(context, "")))


def _require_named_group(context: Context, params: Params) -> Row:
    return require_group(context, resolve_name(context, params, "thingGroup", build_group_arn(context, "")))
