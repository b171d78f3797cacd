"""Managed things: their table, and the operations that create, get and update them.

The authentication material of a CreateManagedThing request is not stored, except for its hash (`material`) and the identifiers in
it, such as the serial number. Another hash (`request`) covers the whole request except its client token. The hashes are keyed
with a secret of the database; they serve for comparisons, and no operation returns them. Most members that GetManagedThing and
ListManagedThings return are stored as one JSON document (`document`).

No operation sets `parent`, `connector_policy` or `connector_destination`: AWS's requests do not have these members.

`gone_at` is the time at which a deletion completes; until then, the status of the managed thing is DELETE_IN_PROGRESS.
"""

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, not_found
from reconciler.registry.operations.credential_lockers import require_locker
from reconciler.registry.shared.setup_code import find_initial_status, parse_material
from reconciler.registry.shared.tagging import add_tags, allow_tags, read_tags
from reconciler.registry.store import Row

SERVICE = "iot-managed-integrations"

SCHEMA = (
    """
    CREATE TABLE managed_things (
      scope INTEGER NOT NULL,
      id TEXT NOT NULL,
      role TEXT NOT NULL,
      status TEXT NOT NULL,
      serial TEXT,
      owner TEXT,
      locker TEXT,
      parent TEXT,
      connector_policy TEXT,
      connector_destination TEXT,
      connector_device TEXT,
      document TEXT NOT NULL,
      capabilities TEXT NOT NULL,
      material BLOB NOT NULL,
      client_token TEXT,
      request BLOB NOT NULL,
      created_at REAL NOT NULL,
      updated_at REAL NOT NULL,
      gone_at REAL,
      PRIMARY KEY (scope, id)
    ) WITHOUT ROWID
    """,
    "CREATE UNIQUE INDEX managed_things_by_material ON managed_things (scope, material)",
    """
    CREATE UNIQUE INDEX managed_things_by_token ON managed_things (scope, client_token)
      WHERE client_token IS NOT NULL
    """,
    """
    CREATE INDEX managed_things_by_serial ON managed_things (scope, serial, id)
      WHERE serial IS NOT NULL
    """,
    """
    CREATE INDEX managed_things_by_owner ON managed_things (scope, owner, id)
      WHERE owner IS NOT NULL
    """,
    """
    CREATE INDEX managed_things_by_locker ON managed_things (scope, locker, id)
      WHERE locker IS NOT NULL
    """,
    """
    CREATE INDEX managed_things_by_parent ON managed_things (scope, parent, id)
      WHERE parent IS NOT NULL
    """,
    """
    CREATE INDEX managed_things_leaving ON managed_things (scope, gone_at)
      WHERE gone_at IS NOT NULL
    """,
)

DELETING = "DELETE_IN_PROGRESS"

# Members of a request that are stored in `document` and returned unchanged.
_STORED_MEMBERS = (
    "Owner",
    "CredentialLockerId",
    "SerialNumber",
    "Brand",
    "Model",
    "Name",
    "Classification",
    "MetaData",
    "WiFiSimpleSetupConfiguration",
    "HubNetworkMode",
)
# GetManagedThingCapabilities returns the first two, ListManagedThingSchemas the last.
_CAPABILITY_MEMBERS = ("Capabilities", "CapabilityReport", "CapabilitySchemas")


def find_managed_thing(context: Context, identifier: str) -> Row | None:
    """Return the row of a managed thing that exists or is being deleted, or None."""
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM managed_things WHERE scope = ? AND id = ? AND (gone_at IS NULL OR gone_at > ?)",
        context.scope,
        identifier,
        context.now,
    )
    return row


def require_managed_thing(context: Context, identifier: str) -> Row:
    """Return the row of a managed thing. Raises ResourceNotFound."""
    row = find_managed_thing(context, identifier)
    if row is None:
        raise not_found(
            f"The managed thing {identifier} does not exist.",
            ResourceId=identifier,
            ResourceType="managed-thing",
        )
    return row


def build_managed_thing_arn(context: Context, identifier: str) -> str:
    """Return the ARN of a managed thing of this account and Region."""
    return context.build_arn(f"managed-thing/{identifier}")


@allow_tags(SERVICE, "managed-thing")
def managed_thing_exists(context: Context, identifier: str) -> bool:
    """Return whether the managed thing exists."""
    return find_managed_thing(context, identifier) is not None


@operation(SERVICE, "CreateManagedThing")
def create_managed_thing(context: Context, params: Params) -> Output | None:
    """Create a managed thing.

    Repeating the call with the same client token returns the same managed thing.

    These rules are UNCONFIRMED:

    - a client token is stored as long as its managed thing exists;
    - a client token that was used with other parameters, or whose managed thing is being deleted, is rejected;
    - authentication material that an existing managed thing has is rejected.

    Raises ValidationException, ResourceNotFound for an unknown credential locker, ConflictException (409).
    """
    purge_deleted(context)
    request_hash = _compute_keyed_hash(
        context, {name: value for name, value in params.items() if name != "ClientToken"}
    )
    existing = _find_by_token(context, params.get("ClientToken"), request_hash)
    if existing is not None:
        return _to_output(context, existing)
    material_hash = _compute_keyed_hash(
        context, [params["AuthenticationMaterialType"], params["AuthenticationMaterial"]]
    )
    duplicate = context.tx.fetch_one(
        "SELECT 1 FROM managed_things WHERE scope = ? AND material = ?", context.scope, material_hash
    )
    if duplicate is not None:
        raise ApiError(
            "ConflictException", "A managed thing with this authentication material already exists."
        )
    _check_locker(context, params)
    row = _insert(context, params, material_hash, request_hash)
    add_tags(context, build_managed_thing_arn(context, row["id"]), params.get("Tags", {}))
    return _to_output(context, row)


def _insert(context: Context, params: Params, material_hash: bytes, request_hash: bytes) -> Mapping[str, Any]:
    """Insert a new managed thing, and return its row."""
    document = {**parse_material(params), **_select_stored_members(params)}
    row = {
        "scope": context.scope,
        "id": uuid.uuid4().hex,
        "role": params["Role"],
        "status": find_initial_status(params),
        "capabilities": json.dumps(_select_capabilities(params)),
        "material": material_hash,
        "client_token": params.get("ClientToken"),
        "request": request_hash,
        "created_at": context.now,
        "updated_at": context.now,
        **_to_columns(document),
    }
    context.tx.run(
        f"INSERT INTO managed_things ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608
        *row.values(),
    )
    return row


@operation(SERVICE, "GetManagedThing")
def get_managed_thing(context: Context, params: Params) -> Output | None:
    """Return everything about a managed thing except its material and capabilities.

    Raises ResourceNotFound.
    """
    row = require_managed_thing(context, params["Identifier"])
    arn = build_managed_thing_arn(context, row["id"])
    return {
        **json.loads(row["document"]),
        "Id": row["id"],
        "Arn": arn,
        "Role": row["role"],
        "ProvisioningStatus": row["status"],
        "ParentControllerId": row["parent"],
        "CreatedAt": row["created_at"],
        "UpdatedAt": row["updated_at"],
        "Tags": read_tags(context, arn) or None,
    }


@operation(SERVICE, "GetManagedThingMetaData")
def get_managed_thing_meta_data(context: Context, params: Params) -> Output | None:
    """Return the metadata of a managed thing. Raises ResourceNotFound."""
    row = require_managed_thing(context, params["Identifier"])
    return {"ManagedThingId": row["id"], "MetaData": json.loads(row["document"]).get("MetaData")}


@operation(SERVICE, "GetManagedThingCapabilities")
def get_managed_thing_capabilities(context: Context, params: Params) -> Output | None:
    """Return a managed thing's capabilities and capability report, as they were sent.

    Raises ResourceNotFound.
    """
    row = require_managed_thing(context, params["Identifier"])
    capabilities = json.loads(row["capabilities"])
    return {
        "ManagedThingId": row["id"],
        "Capabilities": capabilities.get("Capabilities"),
        "CapabilityReport": capabilities.get("CapabilityReport"),
    }


@operation(SERVICE, "UpdateManagedThing")
def update_managed_thing(context: Context, params: Params) -> Output | None:
    """Change the members in the request; absent members stay unchanged.

    UNCONFIRMED: since the HTTP method is PUT, AWS may replace everything instead. Keeping absent members loses no data.

    Raises ResourceNotFound for an unknown managed thing or credential locker, ConflictException (409) while the managed
    thing is being deleted.
    """
    row = require_managed_thing(context, params["Identifier"])
    if row["status"] == DELETING:
        raise ApiError("ConflictException", f"The managed thing {row['id']} is being deleted.")
    _check_locker(context, params)
    document = {**json.loads(row["document"]), **_select_stored_members(params)}
    changes = {
        "capabilities": json.dumps({**json.loads(row["capabilities"]), **_select_capabilities(params)}),
        "updated_at": context.now,
        **_to_columns(document),
    }
    context.tx.run(
        f"UPDATE managed_things SET {', '.join(f'{column} = ?' for column in changes)}"  # noqa: S608
        " WHERE scope = ? AND id = ?",
        *changes.values(),
        context.scope,
        row["id"],
    )
    return None


def set_activated(context: Context, row: Row) -> None:
    """Record that a device has been set up. One that is being deleted stays so."""
    if row["status"] == DELETING:
        return
    document = {**json.loads(row["document"]), "ActivatedAt": context.now}
    context.tx.run(
        "UPDATE managed_things SET status = 'ACTIVATED', document = ?, updated_at = ? WHERE scope = ? AND id = ?",
        json.dumps(document),
        context.now,
        context.scope,
        row["id"],
    )


def purge_deleted(context: Context) -> None:
    """Delete the managed things whose deletion has completed, with their tags.

    After that, their material and their client token can be used again.
    """
    rows = context.tx.fetch_all(
        "SELECT id FROM managed_things WHERE scope = ? AND gone_at <= ?", context.scope, context.now
    )
    for row in rows:
        for table in ("managed_things", "managed_thing_states", "managed_thing_associations"):
            context.tx.run(f"DELETE FROM {table} WHERE scope = ? AND id = ?", context.scope, row["id"])  # noqa: S608
        arn = build_managed_thing_arn(context, row["id"])
        context.tx.run("DELETE FROM tags WHERE scope = ? AND arn = ?", context.scope, arn)


def _check_locker(context: Context, params: Params) -> None:
    """Raise ResourceNotFound for a credential locker that does not exist."""
    if "CredentialLockerId" in params:
        require_locker(context, params["CredentialLockerId"])


def _to_columns(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the column `document`, and the columns that repeat its members for ListManagedThings."""
    return {
        "document": json.dumps(document),
        "serial": document.get("SerialNumber"),
        "owner": document.get("Owner"),
        "locker": document.get("CredentialLockerId"),
        "connector_device": document.get("ConnectorDeviceId"),
    }


def _select_stored_members(params: Params) -> dict[str, Any]:
    return {name: params[name] for name in _STORED_MEMBERS if name in params}


def _select_capabilities(params: Params) -> dict[str, Any]:
    return {name: params[name] for name in _CAPABILITY_MEMBERS if name in params}


def _find_by_token(context: Context, client_token: str | None, request_hash: bytes) -> Row | None:
    """Return the row that an earlier call with this token created, or None. Raises ConflictException."""
    if client_token is None:
        return None
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM managed_things WHERE scope = ? AND client_token = ?", context.scope, client_token
    )
    if row is None:
        return None
    if row["status"] == DELETING:
        raise ApiError(
            "ConflictException", f"The client token belongs to {row['id']}, which is being deleted."
        )
    if row["request"] != request_hash:
        raise ApiError("ConflictException", "The client token was used with other parameters.")
    return row


def _to_output(context: Context, row: Any) -> Output:
    return {
        "Id": row["id"],
        "Arn": build_managed_thing_arn(context, row["id"]),
        "CreatedAt": row["created_at"],
    }


def _compute_keyed_hash(context: Context, value: Any) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hmac.digest(context.signer.secret, b"managed thing\0" + text.encode(), hashlib.sha256)
