"""Principals of things: the operations that attach, detach and list them."""

from collections.abc import Callable

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import not_found
from reconciler.registry.operations.things import find_thing, require_thing
from reconciler.registry.paging import REGISTRY_PAGER
from reconciler.registry.shared.principals import parse_certificate_id, require_attachable, require_principal
from reconciler.registry.store import Row

# Converts a row to an item of the output.
ToItem = Callable[[Row], object]

EXCLUSIVE = "EXCLUSIVE_THING"
NON_EXCLUSIVE = "NON_EXCLUSIVE_THING"


@operation("iot", "AttachThingPrincipal")
def attach_thing_principal(context: Context, params: Params) -> Output | None:
    """Attach a principal to a thing; repeating the call succeeds.

    Repeating it with another `thingPrincipalType` (by default NON_EXCLUSIVE_THING) changes the type of the attachment
    (UNCONFIRMED).

    An exclusive principal cannot have a second thing, and a principal with other things cannot become exclusive. The texts of
    these two errors are those that Terraform's acceptance tests expect from AWS.

    Raises ResourceNotFound for an unknown thing or certificate; InvalidRequest in the two cases above, for an invalid
    principal, and for a certificate with a pending transfer.
    """
    thing, principal = params["thingName"], params["principal"]
    require_attachable(context, principal)
    require_thing(context, thing)
    is_exclusive = params.get("thingPrincipalType", NON_EXCLUSIVE) == EXCLUSIVE
    other_attachments = context.tx.fetch_all(
        "SELECT exclusive FROM principal_edges"
        " WHERE scope = ? AND principal = ? AND thing <> ? AND gone_at IS NULL",
        context.scope,
        principal,
        thing,
    )
    if any(row["exclusive"] for row in other_attachments):
        raise context.invalid("Principal already has an exclusive Thing attached to it")
    if is_exclusive and other_attachments:
        raise context.invalid("Principal already has a Thing attached to it")
    context.tx.run(
        "INSERT OR REPLACE INTO principal_edges (scope, thing, principal, exclusive, gone_at)"
        " VALUES (?, ?, ?, ?, NULL)",
        context.scope,
        thing,
        principal,
        int(is_exclusive),
    )
    return None


@operation("iot", "DetachThingPrincipal")
def detach_thing_principal(context: Context, params: Params) -> Output | None:
    """Detach a principal from a thing; neither can be deleted for the next `detach_lag_seconds`.

    Raises ResourceNotFound for an unknown thing, and for a principal that is not attached (UNCONFIRMED), InvalidRequest
    for an invalid principal.
    """
    thing, principal = params["thingName"], params["principal"]
    parse_certificate_id(context, principal)
    require_thing(context, thing)
    detached_count = context.tx.run(
        "UPDATE principal_edges SET gone_at = ? WHERE scope = ? AND thing = ? AND principal = ? AND gone_at IS NULL",
        context.now + context.settings.detach_lag_seconds,
        context.scope,
        thing,
        principal,
    )
    if not detached_count:
        raise not_found(f"The principal {principal} is not attached to the thing {thing}.")
    # Delete the thing's edges whose lag is over; without a lag, this includes the edge that was just detached.
    context.tx.run(
        "DELETE FROM principal_edges WHERE scope = ? AND thing = ? AND gone_at <= ?",
        context.scope,
        thing,
        context.now,
    )
    return None


@operation("iot", "ListThingPrincipals")
def list_thing_principals(context: Context, params: Params) -> Output | None:
    """Return the principals of a thing, sorted. Raises ResourceNotFound."""
    return _list_principals(context, params, "principals", lambda row: row["principal"])


@operation("iot", "ListThingPrincipalsV2")
def list_thing_principals_v2(context: Context, params: Params) -> Output | None:
    """Return the principals of a thing, sorted, with the types of their attachments.

    `thingPrincipalType` selects the attachments of one type.

    Raises ResourceNotFound.
    """
    return _list_principals(
        context,
        params,
        "thingPrincipalObjects",
        lambda row: {"principal": row["principal"], "thingPrincipalType": _get_type(row)},
    )


@operation("iot", "ListPrincipalThings")
def list_principal_things(context: Context, params: Params) -> Output | None:
    """Return the things of a principal, sorted by name.

    Raises ResourceNotFound for an unknown certificate, InvalidRequest for an invalid principal.
    """
    return _list_things(context, params, "things", lambda row: row["thing"])


@operation("iot", "ListPrincipalThingsV2")
def list_principal_things_v2(context: Context, params: Params) -> Output | None:
    """Return the things of a principal, sorted by name, with the types of their attachments.

    `thingPrincipalType` selects the attachments of one type.

    Raises ResourceNotFound for an unknown certificate, InvalidRequest for an invalid principal.
    """
    return _list_things(
        context,
        params,
        "principalThingObjects",
        lambda row: {"thingName": row["thing"], "thingPrincipalType": _get_type(row)},
    )


def _list_principals(context: Context, params: Params, member: str, to_item: ToItem) -> Output:
    page = REGISTRY_PAGER.start_page(context, params)
    name = params["thingName"]
    if find_thing(context, name) is None:
        raise not_found(
            f"Failed to list principals for thing {name} because the thing does not exist in your account"
        )
    rows = context.tx.fetch_all(
        "SELECT principal, exclusive FROM principal_edges WHERE scope = ? AND thing = ? AND principal > ?"
        " AND gone_at IS NULL AND (? IS NULL OR exclusive = ?) ORDER BY principal LIMIT ?",
        context.scope,
        params["thingName"],
        page.after[0] if page.after else "",
        *_build_type_filter(params),
        page.limit,
    )
    return page.build_output(member, rows, key=lambda row: (row["principal"],), item=to_item)


def _list_things(context: Context, params: Params, member: str, to_item: ToItem) -> Output:
    page = REGISTRY_PAGER.start_page(context, params)
    require_principal(context, params["principal"])
    rows = context.tx.fetch_all(
        "SELECT thing, exclusive FROM principal_edges WHERE scope = ? AND principal = ? AND thing > ?"
        " AND gone_at IS NULL AND (? IS NULL OR exclusive = ?) ORDER BY thing LIMIT ?",
        context.scope,
        params["principal"],
        page.after[0] if page.after else "",
        *_build_type_filter(params),
        page.limit,
    )
    return page.build_output(member, rows, key=lambda row: (row["thing"],), item=to_item)


def _build_type_filter(params: Params) -> tuple[int | None, int | None]:
    """Return both parameters of `(? IS NULL OR exclusive = ?)`."""
    principal_type = params.get("thingPrincipalType")
    exclusive = None if principal_type is None else int(principal_type == EXCLUSIVE)
    return exclusive, exclusive


def _get_type(row: Row) -> str:
    return EXCLUSIVE if row["exclusive"] else NON_EXCLUSIVE
