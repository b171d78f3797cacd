"""Client tokens, with which a repeated creation returns the resource of the first call.

Invariant: a token is stored as long as its resource exists, and rejected (ConflictException) if it was used with other
parameters. Both rules are UNCONFIRMED. Only a keyed hash of the parameters is stored.

Managed things store their client tokens themselves, in `operations/managed_things.py`.
"""

import hashlib
import hmac
import json

from reconciler.registry.catalog import Params
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError

# `made` is the ID of the resource that the call created, `request` the keyed hash of the call's parameters.
SCHEMA = (
    """
    CREATE TABLE client_tokens (
      scope INTEGER NOT NULL,
      operation TEXT NOT NULL,
      token TEXT NOT NULL,
      made TEXT NOT NULL,
      request BLOB NOT NULL,
      PRIMARY KEY (scope, operation, token)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX client_tokens_by_made ON client_tokens (scope, made)",
)


def find_by_token(context: Context, params: Params) -> str | None:
    """Return the ID of the resource that an earlier call with the same client token created, or None.

    Raises ConflictException when the earlier call had other parameters.
    """
    row = context.tx.fetch_one(
        "SELECT made, request FROM client_tokens WHERE scope = ? AND operation = ? AND token = ?",
        context.scope,
        context.operation,
        params.get("ClientToken"),
    )
    if row is None:
        return None
    if row["request"] != _compute_keyed_hash(context, params):
        raise ApiError("ConflictException", "The client token was used with other parameters.")
    return str(row["made"])


def save_token(context: Context, params: Params, resource_id: str) -> None:
    """Store the ID of the resource that a call created, if the call has a token."""
    if "ClientToken" in params:
        context.tx.run(
            "INSERT INTO client_tokens (scope, operation, token, made, request) VALUES (?, ?, ?, ?, ?)",
            context.scope,
            context.operation,
            params["ClientToken"],
            resource_id,
            _compute_keyed_hash(context, params),
        )


def delete_token(context: Context, resource_id: str) -> None:
    """Delete the token of a resource that is being deleted."""
    context.tx.run("DELETE FROM client_tokens WHERE scope = ? AND made = ?", context.scope, resource_id)


def _compute_keyed_hash(context: Context, params: Params) -> bytes:
    other_params = {name: value for name, value in params.items() if name != "ClientToken"}
    text = json.dumps(other_params, sort_keys=True, separators=(",", ":"))
    return hmac.digest(context.signer.secret, b"client token\0" + text.encode(), hashlib.sha256)
