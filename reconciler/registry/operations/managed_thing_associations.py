"""Registrations of managed things with account associations: register, deregister and list.

UNCONFIRMED: repeating a registration is a ConflictException (409). No device discovery runs in the registry, so every ID of one is
accepted.
"""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, not_found
from reconciler.registry.operations.managed_things import SERVICE, require_managed_thing
from reconciler.registry.paging import MANAGED_INTEGRATIONS_PAGER
from reconciler.registry.shared.connectors import ACCOUNT_ASSOCIATIONS
from reconciler.registry.store import Value

SCHEMA = (
    """
    CREATE TABLE managed_thing_associations (
      scope INTEGER NOT NULL,
      association TEXT NOT NULL,
      id TEXT NOT NULL,
      PRIMARY KEY (scope, association, id)
    ) WITHOUT ROWID
    """,
)

_FILTERS = {"ManagedThingId": "id", "AccountAssociationId": "association"}


def list_registered_ids(context: Context, association_id: str) -> list[str]:
    """Return the IDs of the managed things that are registered with an association."""
    rows = context.tx.fetch_all(
        "SELECT id FROM managed_thing_associations WHERE scope = ? AND association = ? ORDER BY id",
        context.scope,
        association_id,
    )
    return [row["id"] for row in rows]


@operation(SERVICE, "RegisterAccountAssociation")
def register_account_association(context: Context, params: Params) -> Output | None:
    """Register a managed thing with an association. Raises ResourceNotFound, ConflictException (409)."""
    thing_id = require_managed_thing(context, params["ManagedThingId"])["id"]
    association = ACCOUNT_ASSOCIATIONS.require(context, params)
    if thing_id in list_registered_ids(context, association.name):
        raise ApiError(
            "ConflictException",
            f"The managed thing {thing_id} is registered with {association.name} already.",
        )
    context.tx.run(
        "INSERT INTO managed_thing_associations (scope, association, id) VALUES (?, ?, ?)",
        context.scope,
        association.name,
        thing_id,
    )
    return dict(params)


@operation(SERVICE, "DeregisterAccountAssociation")
def deregister_account_association(context: Context, params: Params) -> Output | None:
    """End the registration of a managed thing with an association. Raises ResourceNotFound."""
    count = context.tx.run(
        "DELETE FROM managed_thing_associations WHERE scope = ? AND association = ? AND id = ?",
        context.scope,
        params["AccountAssociationId"],
        params["ManagedThingId"],
    )
    if not count:
        raise not_found(
            f"The managed thing {params['ManagedThingId']} is not registered with {params['AccountAssociationId']}."
        )
    return None


@operation(SERVICE, "ListManagedThingAccountAssociations")
def list_managed_thing_account_associations(context: Context, params: Params) -> Output | None:
    """Return the registrations that match the filters, sorted by association and managed thing.

    Raises ValidationException for an invalid `NextToken`.
    """
    page = MANAGED_INTEGRATIONS_PAGER.start_page(context, params)
    after = page.after or ("", "")
    where, values = ["scope = ?", "(association, id) > (?, ?)"], [context.scope, after[0], after[1]]
    for member, column in _FILTERS.items():
        if member in params:
            where.append(f"{column} = ?")
            values.append(params[member])
    parameters: list[Value] = [*values, page.limit]
    rows = context.tx.fetch_all(
        f"SELECT * FROM managed_thing_associations WHERE {' AND '.join(where)}"  # noqa: S608
        " ORDER BY association, id LIMIT ?",
        *parameters,
    )
    return page.build_output(
        "Items",
        rows,
        key=lambda row: (row["association"], row["id"]),
        item=lambda row: {
            "AccountAssociationId": row["association"],
            "ManagedThingId": row["id"],
            "ManagedThingAssociationStatus": "ASSOCIATED",
        },
    )
