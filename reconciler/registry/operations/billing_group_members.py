"""Which things are in which billing groups: AddThingToBillingGroup, Remove, ListThingsInBillingGroup.

Law: a thing is in one billing group at most.
"""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.operations.billing_groups import billing_group_arn, require_billing_group
from reconciler.registry.operations.things import require_thing, thing_arn
from reconciler.registry.paging import REGISTRY
from reconciler.registry.shared.naming import resolve_name
from reconciler.registry.store import Row


@operation("iot", "AddThingToBillingGroup")
def add_thing_to_billing_group(context: Context, params: Params) -> Output | None:
    """Put a thing into a billing group, each by name or ARN; again succeeds.

    Raises ResourceNotFound, InvalidRequest when the thing is in another one (UNCONFIRMED: AWS might move it instead).
    """
    thing, group = _named(context, params)
    if thing["billing_group"] not in (None, group["name"]):
        raise context.invalid(
            f"Thing {thing['name']} is in the billing group {thing['billing_group']} already."
        )
    context.tx.run("UPDATE things SET billing_group = ? WHERE seq = ?", group["name"], thing["seq"])
    return None


@operation("iot", "RemoveThingFromBillingGroup")
def remove_thing_from_billing_group(context: Context, params: Params) -> Output | None:
    """Take a thing out of a billing group, each by name or ARN; when it is not in it, that is no mistake.

    Raises ResourceNotFound, InvalidRequest.
    """
    thing, group = _named(context, params)
    context.tx.run(
        "UPDATE things SET billing_group = NULL WHERE seq = ? AND billing_group = ?",
        thing["seq"],
        group["name"],
    )
    return None


@operation("iot", "ListThingsInBillingGroup")
def list_things_in_billing_group(context: Context, params: Params) -> Output | None:
    """Give the names of a billing group's things in the order of their creation. Raises ResourceNotFound."""
    page = REGISTRY.start(context, params)
    group = require_billing_group(context, params["billingGroupName"])
    rows = context.tx.all(
        "SELECT seq, name FROM things WHERE scope = ? AND billing_group = ? AND seq > ? ORDER BY seq LIMIT ?",
        context.scope,
        group["name"],
        page.after[0] if page.after else 0,
        page.limit,
    )
    return page.build_output("things", rows, key=lambda row: (row["seq"],), item=lambda row: row["name"])


def _named(context: Context, params: Params) -> tuple[Row, Row]:
    """Give the thing and the billing group that are meant."""
    thing = require_thing(context, resolve_name(context, params, "thing", thing_arn(context, "")))
    name = resolve_name(context, params, "billingGroup", billing_group_arn(context, ""))
    return thing, require_billing_group(context, name)
