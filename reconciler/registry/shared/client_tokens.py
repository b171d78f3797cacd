"""Client tokens: the same creation with the same token again gives what the first one made. No operation is here.

Law: a token is remembered for as long as what it made exists, and refused (ConflictException) with other parameters. Both
are UNCONFIRMED. Of the parameters only a keyed digest is stored.
"""

import hashlib
import hmac
import json

from reconciler.registry.catalog import Params
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError

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
    """Give the id of what an earlier call with this token made, or None. Raises ConflictException."""
    row = context.tx.one(
        "SELECT made, request FROM client_tokens WHERE scope = ? AND operation = ? AND token = ?",
        context.scope,
        context.operation,
        params.get("ClientToken"),
    )
    if row is None:
        return None
    if row["request"] != _digest(context, params):
        raise ApiError("ConflictException", "The client token was used with other parameters.")
    return str(row["made"])


def save_token(context: Context, params: Params, made: str) -> None:
    """Note what a call with a token has made."""
    if "ClientToken" in params:
        context.tx.run(
            "INSERT INTO client_tokens (scope, operation, token, made, request) VALUES (?, ?, ?, ?, ?)",
            context.scope,
            context.operation,
            params["ClientToken"],
            made,
            _digest(context, params),
        )


def delete_token(context: Context, made: str) -> None:
    """Free the token of what is being deleted."""
    context.tx.run("DELETE FROM client_tokens WHERE scope = ? AND made = ?", context.scope, made)


def _digest(context: Context, params: Params) -> bytes:
    given = {name: value for name, value in params.items() if name != "ClientToken"}
    text = json.dumps(given, sort_keys=True, separators=(",", ":"))
    return hmac.digest(context.signer.secret, b"client token\0" + text.encode(), hashlib.sha256)
