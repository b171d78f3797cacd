"""Credential lockers: their table, and the operations that create, get, list and delete them.

AWS has no operation that updates a locker.
"""

import uuid
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import not_found
from reconciler.registry.paging import MANAGED_INTEGRATIONS_PAGER
from reconciler.registry.shared.client_tokens import delete_token, find_by_token, save_token
from reconciler.registry.shared.tagging import add_tags, allow_tags, delete_tags, read_tags
from reconciler.registry.store import Row

SERVICE = "iot-managed-integrations"

SCHEMA = (
    """
    CREATE TABLE credential_lockers (
      scope INTEGER NOT NULL,
      id TEXT NOT NULL,
      name TEXT,
      created_at REAL NOT NULL,
      PRIMARY KEY (scope, id)
    ) WITHOUT ROWID
    """,
)


def find_locker(context: Context, identifier: str) -> Row | None:
    """Return the row of a credential locker, or None."""
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM credential_lockers WHERE scope = ? AND id = ?", context.scope, identifier
    )
    return row


def require_locker(context: Context, identifier: str) -> Row:
    """Return the row of a credential locker. Raises ResourceNotFound."""
    row = find_locker(context, identifier)
    if row is None:
        raise not_found(
            f"The credential locker {identifier} does not exist.",
            ResourceId=identifier,
            ResourceType="credential-locker",
        )
    return row


@allow_tags(SERVICE, "credential-locker")
def locker_exists(context: Context, identifier: str) -> bool:
    """Return whether the credential locker exists."""
    return find_locker(context, identifier) is not None


@operation(SERVICE, "CreateCredentialLocker")
def create_credential_locker(context: Context, params: Params) -> Output | None:
    """Create a credential locker; repeating the call with the same client token returns the same locker.

    Names need not be unique. Raises ConflictException (409) for a client token that was used with other parameters.
    """
    existing_id = find_by_token(context, params)
    if existing_id is not None:
        return _to_output(context, require_locker(context, existing_id))
    identifier = uuid.uuid4().hex
    context.tx.run(
        "INSERT INTO credential_lockers (scope, id, name, created_at) VALUES (?, ?, ?, ?)",
        context.scope,
        identifier,
        params.get("Name"),
        context.now,
    )
    save_token(context, params, identifier)
    add_tags(context, _build_arn(context, identifier), params.get("Tags", {}))
    return _to_output(context, require_locker(context, identifier))


@operation(SERVICE, "GetCredentialLocker")
def get_credential_locker(context: Context, params: Params) -> Output | None:
    """Return everything about a credential locker. Raises ResourceNotFound."""
    row = require_locker(context, params["Identifier"])
    tags = read_tags(context, _build_arn(context, row["id"]))
    return {**_to_output(context, row), "Name": row["name"], "Tags": tags or None}


@operation(SERVICE, "ListCredentialLockers")
def list_credential_lockers(context: Context, params: Params) -> Output | None:
    """Return the credential lockers, sorted by ID. Raises ValidationException for an invalid `NextToken`."""
    page = MANAGED_INTEGRATIONS_PAGER.start_page(context, params)
    rows = context.tx.fetch_all(
        "SELECT * FROM credential_lockers WHERE scope = ? AND id > ? ORDER BY id LIMIT ?",
        context.scope,
        page.after[0] if page.after else "",
        page.limit,
    )
    return page.build_output(
        "Items",
        rows,
        key=lambda row: (row["id"],),
        item=lambda row: {**_to_output(context, row), "Name": row["name"]},
    )


@operation(SERVICE, "DeleteCredentialLocker")
def delete_credential_locker(context: Context, params: Params) -> Output | None:
    """Delete a credential locker. Managed things that refer to it keep its ID.

    UNCONFIRMED: these managed things do not block the deletion. AWS's service model has no ConflictException for this
    operation.

    Raises ResourceNotFound.
    """
    row = require_locker(context, params["Identifier"])
    context.tx.run("DELETE FROM credential_lockers WHERE scope = ? AND id = ?", context.scope, row["id"])
    delete_tags(context, _build_arn(context, row["id"]))
    delete_token(context, row["id"])
    return None


def _build_arn(context: Context, identifier: str) -> str:
    return context.build_arn(f"credential-locker/{identifier}")


def _to_output(context: Context, row: Row) -> dict[str, Any]:
    return {"Id": row["id"], "Arn": _build_arn(context, row["id"]), "CreatedAt": row["created_at"]}
