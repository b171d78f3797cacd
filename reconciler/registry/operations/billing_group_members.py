"""Members of billing groups: the operations that add, remove and list the things of a group.

Invariant: a thing is in at most one billing group.
"""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.operations.billing_groups import build_billing_group_arn, require_billing_group
from reconciler.registry.operations.things import build_thing_arn, require_thing
from reconciler.registry.paging import REGISTRY_PAGER
from reconciler.registry.shared.naming import resolve_name
from reconciler.registry.store import Row


@operation("iot", "AddThingToBillingGroup")
def add_thing_to_billing_group(context: Context, params: Params) -> Output | None:
    """Add a thing to a billing group; both are given by name or ARN. Repeating the call succeeds.

    Raises ResourceNotFound; InvalidRequest as `resolve_name` does, and also when the thing is in another billing group
    (UNCONFIRMED: AWS may move the thing).
    """
    thing, group = _require_thing_and_group(context, params)
    if thing["billing_group"] not in (None, group["name"]):
        raise context.invalid(
            f"Thing {thing['name']} is already in the billing group {thing['billing_group']}."
        )
    context.tx.run("UPDATE things SET billing_group = ? WHERE seq = ?", group["name"], thing["seq"])
    return None


@operation("iot", "RemoveThingFromBillingGroup")
def remove_thing_from_billing_group(context: Context, params: Params) -> Output | None:
    """Remove a thing from a billing group, which cannot be deleted for the next `detach_lag_seconds`.

    Both are given by name or ARN. If the thing is not a member, nothing changes. AWS documents that the call is asynchronous.

    Raises ResourceNotFound, InvalidRequest as `resolve_name` does.
    """
    thing, group = _require_thing_and_group(context, params)
    if thing["billing_group"] != group["name"]:
        return None
    context.tx.run("UPDATE things SET billing_group = NULL WHERE seq = ?", thing["seq"])
    context.tx.run(
        "UPDATE billing_groups SET members_until = ? WHERE seq = ?",
        context.now + context.settings.detach_lag_seconds,
        group["seq"],
    )
    return None


@operation("iot", "ListThingsInBillingGroup")
def list_things_in_billing_group(context: Context, params: Params) -> Output | None:
    """Return the names of a billing group's things in creation order. Raises ResourceNotFound."""
    page = REGISTRY_PAGER.start_page(context, params)
    group = require_billing_group(context, params["billingGroupName"])
    rows = context.tx.fetch_all(
        "SELECT seq, name FROM things WHERE scope = ? AND billing_group = ? AND seq > ? ORDER BY seq LIMIT ?",
        context.scope,
        group["name"],
        page.after[0] if page.after else 0,
        page.limit,
    )
    return page.build_output("things", rows, key=lambda row: (row["seq"],), item=lambda row: row["name"])


def _require_thing_and_group(context: Context, params: Params) -> tuple[Row, Row]:
    thing = require_thing(context, resolve_name(context, params, "thing", build_thing_arn(context, "")))
    name = resolve_name(context, params, "billingGroup", build_billing_group_arn(context, ""))
    return thing, require_billing_group(context, name)
