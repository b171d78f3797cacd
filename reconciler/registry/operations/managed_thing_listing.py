"""ListManagedThings, with every filter of AWS's service model."""

import json
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.operations.managed_things import SERVICE, build_managed_thing_arn
from reconciler.registry.paging import MANAGED_INTEGRATIONS_PAGER
from reconciler.registry.store import Row, Value

# The column that each filter is compared with.
_FILTERS = {
    "OwnerFilter": "owner",
    "CredentialLockerFilter": "locker",
    "RoleFilter": "role",
    "ParentControllerIdentifierFilter": "parent",
    "ConnectorPolicyIdFilter": "connector_policy",
    "ConnectorDestinationIdFilter": "connector_destination",
    "ConnectorDeviceIdFilter": "connector_device",
    "SerialNumberFilter": "serial",
    "ProvisioningStatusFilter": "status",
}
# The members of an item that are copied from the stored document.
_ITEM_MEMBERS = (
    "AdvertisedProductId",
    "Brand",
    "Classification",
    "ConnectorDeviceId",
    "CredentialLockerId",
    "Model",
    "Name",
    "Owner",
    "SerialNumber",
)


@operation(SERVICE, "ListManagedThings")
def list_managed_things(context: Context, params: Params) -> Output | None:
    """Return the managed things that match every filter, in the order of their IDs.

    Raises ValidationException for an invalid `NextToken`.
    """
    page = MANAGED_INTEGRATIONS_PAGER.start_page(context, params)
    # A managed thing is listed until its deletion completes, at `gone_at`.
    where = ["scope = ?", "id > ?", "(gone_at IS NULL OR gone_at > ?)"]
    values: list[Value] = [context.scope, page.after[0] if page.after else "", context.now]
    for member, column in _FILTERS.items():
        if member in params:
            where.append(f"{column} = ?")
            values.append(params[member])
    rows = context.tx.fetch_all(
        f"SELECT * FROM managed_things WHERE {' AND '.join(where)} ORDER BY id LIMIT ?",  # noqa: S608
        *values,
        page.limit,
    )
    return page.build_output(
        "Items", rows, key=lambda row: (row["id"],), item=lambda row: _to_item(context, row)
    )


def _to_item(context: Context, row: Row) -> dict[str, Any]:
    document = json.loads(row["document"])
    return {
        **{name: document[name] for name in _ITEM_MEMBERS if name in document},
        "Id": row["id"],
        "Arn": build_managed_thing_arn(context, row["id"]),
        "ParentControllerId": row["parent"],
        "ProvisioningStatus": row["status"],
        "Role": row["role"],
        "CreatedAt": row["created_at"],
        "UpdatedAt": row["updated_at"],
    }
