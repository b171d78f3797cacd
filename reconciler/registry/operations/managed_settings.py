"""Account settings of managed integrations: the custom endpoint and the hub configuration.

UNCONFIRMED: reading a missing setting raises ResourceNotFound. AWS's service model has this error for both read operations.
"""

import hashlib

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import not_found

SERVICE = "iot-managed-integrations"

SCHEMA = (
    """
    CREATE TABLE managed_settings (
      scope INTEGER PRIMARY KEY,
      endpoint TEXT,
      hub_token_seconds INTEGER,
      hub_updated_at REAL
    )
    """,
)
# An endpoint's address begins with an `a` and this many digits of a hash: enough to distinguish accounts.
_PREFIX_DIGITS = 14


@operation(SERVICE, "GetCustomEndpoint")
def get_custom_endpoint(context: Context, _params: Params) -> Output | None:
    """Return the registered address. Raises ResourceNotFound."""
    row = context.tx.fetch_one("SELECT endpoint FROM managed_settings WHERE scope = ?", context.scope)
    if row is None or row["endpoint"] is None:
        raise not_found("No custom endpoint is registered.")
    return {"EndpointAddress": row["endpoint"]}


@operation(SERVICE, "RegisterCustomEndpoint")
def register_custom_endpoint(context: Context, params: Params) -> Output | None:
    """Register the account's address, always the same one (UNCONFIRMED); nothing listens on it."""
    hex_digits = hashlib.sha256(f"{context.account}/{context.region}/managed".encode()).hexdigest()
    address = f"a{hex_digits[:_PREFIX_DIGITS]}.iotmanagedintegrations.{context.region}.api.aws"
    _ensure_row(context)
    context.tx.run("UPDATE managed_settings SET endpoint = ? WHERE scope = ?", address, context.scope)
    return get_custom_endpoint(context, params)


@operation(SERVICE, "GetHubConfiguration")
def get_hub_configuration(context: Context, _params: Params) -> Output | None:
    """Return the lifetime of a hub's token, and when the lifetime was set. Raises ResourceNotFound."""
    row = context.tx.fetch_one("SELECT * FROM managed_settings WHERE scope = ?", context.scope)
    if row is None or row["hub_token_seconds"] is None:
        raise not_found("There is no hub configuration.")
    return {
        "HubTokenTimerExpirySettingInSeconds": row["hub_token_seconds"],
        "UpdatedAt": row["hub_updated_at"],
    }


@operation(SERVICE, "PutHubConfiguration")
def put_hub_configuration(context: Context, params: Params) -> Output | None:
    """Set the lifetime of a hub's token."""
    seconds = params["HubTokenTimerExpirySettingInSeconds"]
    _ensure_row(context)
    context.tx.run(
        "UPDATE managed_settings SET hub_token_seconds = ?, hub_updated_at = ? WHERE scope = ?",
        seconds,
        context.now,
        context.scope,
    )
    return {"HubTokenTimerExpirySettingInSeconds": seconds}


def _ensure_row(context: Context) -> None:
    context.tx.run("INSERT OR IGNORE INTO managed_settings (scope) VALUES (?)", context.scope)
