"""DeleteManagedThing: unless forced, it is asynchronous, and the status is DELETE_IN_PROGRESS first."""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.operations.managed_things import (
    DELETING,
    SERVICE,
    purge_deleted,
    require_managed_thing,
)


@operation(SERVICE, "DeleteManagedThing")
def delete_managed_thing(context: Context, params: Params) -> Output | None:
    """Start the deletion of a managed thing, which takes `managed_thing_deletion_seconds`.

    With `Force`, it is deleted at once. Repeating the call during the deletion succeeds, so that a client can retry after a
    lost response (UNCONFIRMED).

    Raises ResourceNotFound, ConflictException (409) for the `parent` of other managed things, unless forced (UNCONFIRMED).
    """
    row = require_managed_thing(context, params["Identifier"])
    force = bool(params.get("Force"))
    if row["status"] == DELETING and not force:
        return None
    child = context.tx.fetch_one(
        "SELECT 1 FROM managed_things WHERE scope = ? AND parent = ? AND (gone_at IS NULL OR gone_at > ?) LIMIT 1",
        context.scope,
        row["id"],
        context.now,
    )
    if child is not None and not force:
        raise ApiError(
            "ConflictException", f"The managed thing {row['id']} is the controller of other devices."
        )
    delay = 0.0 if force else context.settings.managed_thing_deletion_seconds
    context.tx.run(
        "UPDATE managed_things SET status = ?, updated_at = ?, gone_at = ? WHERE scope = ? AND id = ?",
        DELETING,
        context.now,
        context.now + delay,
        context.scope,
        row["id"],
    )
    purge_deleted(context)
    return None
