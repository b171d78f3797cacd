"""The reports of devices: their connection, their certificate, and the states of their capabilities.

No device connects to the registry, so it simulates them: SendManagedThingCommand reaches the device at once, although AWS delivers
commands only to devices that are set up. The first command also brings the device online: it is ACTIVATED and connected and, unless
it is a device of another cloud, has a certificate. The parameters of the actions then are the properties that the device reports.

UNCONFIRMED: before a device is set up, it has no certificate (ResourceNotFound), is not connected, and has no states.
"""

import json
import uuid
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import not_found
from reconciler.registry.operations.issued_certificates import ensure_signing_key
from reconciler.registry.operations.managed_things import SERVICE, require_managed_thing, set_activated
from reconciler.registry.store import Row

SCHEMA = (
    """
    CREATE TABLE managed_thing_states (
      scope INTEGER NOT NULL,
      id TEXT NOT NULL,
      certificate TEXT,
      connected_at REAL NOT NULL,
      endpoints TEXT NOT NULL,
      PRIMARY KEY (scope, id)
    ) WITHOUT ROWID
    """,
)


@operation(SERVICE, "GetManagedThingCertificate")
def get_managed_thing_certificate(context: Context, params: Params) -> Output | None:
    """Return the certificate of a managed thing. Raises ResourceNotFound."""
    row = require_managed_thing(context, params["Identifier"])
    state = _find_state(context, row["id"])
    if state is None or state["certificate"] is None:
        raise not_found(
            f"The managed thing {row['id']} has no certificate.",
            ResourceId=row["id"],
            ResourceType="managed-thing",
        )
    return {"ManagedThingId": row["id"], "CertificatePem": state["certificate"]}


@operation(SERVICE, "GetManagedThingConnectivityData")
def get_managed_thing_connectivity_data(context: Context, params: Params) -> Output | None:
    """Return whether a managed thing is connected, and since when. Raises ResourceNotFound."""
    row = require_managed_thing(context, params["Identifier"])
    state = _find_state(context, row["id"])
    if state is None:
        return {"ManagedThingId": row["id"], "Connected": False}
    return {
        "ManagedThingId": row["id"],
        "Connected": True,
        "Timestamp": state["connected_at"],
        "DisconnectReason": "NONE",
    }


@operation(SERVICE, "GetManagedThingState")
def get_managed_thing_state(context: Context, params: Params) -> Output | None:
    """Return the properties of each endpoint's capabilities. Raises ResourceNotFound."""
    row = require_managed_thing(context, params["ManagedThingId"])
    state = _find_state(context, row["id"])
    return {"Endpoints": _to_endpoints(json.loads(state["endpoints"]) if state else {})}


@operation(SERVICE, "SendManagedThingCommand")
def send_managed_thing_command(context: Context, params: Params) -> Output | None:
    """Let the simulated device carry out a command. Raises ResourceNotFound."""
    row = require_managed_thing(context, params["ManagedThingId"])
    state = _find_state(context, row["id"])
    endpoints = json.loads(state["endpoints"]) if state else {}
    for endpoint in params["Endpoints"]:
        capabilities = endpoints.setdefault(endpoint["endpointId"], {})
        for capability in endpoint["capabilities"]:
            _carry_out(capabilities, capability)
    if state is None:
        _bring_online(context, row, endpoints)
    else:
        context.tx.run(
            "UPDATE managed_thing_states SET endpoints = ? WHERE scope = ? AND id = ?",
            json.dumps(endpoints),
            context.scope,
            row["id"],
        )
    return {"TraceId": uuid.uuid4().hex}


def _find_state(context: Context, identifier: str) -> Row | None:
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM managed_thing_states WHERE scope = ? AND id = ?", context.scope, identifier
    )
    return row


def _bring_online(context: Context, row: Row, endpoints: dict[str, Any]) -> None:
    from reconciler.registry.certificate_authority import generate_key_pair, issue_certificate

    is_of_other_cloud = row["connector_device"] is not None
    certificate = (
        None
        if is_of_other_cloud
        else issue_certificate(ensure_signing_key(context), generate_key_pair(), context.now)
    )
    context.tx.run(
        "INSERT INTO managed_thing_states (scope, id, certificate, connected_at, endpoints) VALUES (?, ?, ?, ?, ?)",
        context.scope,
        row["id"],
        certificate,
        context.now,
        json.dumps(endpoints),
    )
    set_activated(context, row)


def _carry_out(capabilities: dict[str, Any], command: dict[str, Any]) -> None:
    """Merge the parameters of a command's actions into the properties of its capability."""
    capability = capabilities.setdefault(command["id"], {"properties": {}})
    capability |= {"name": command["name"], "version": command["version"]}
    for action in command["actions"]:
        parameters = action.get("parameters")
        if isinstance(parameters, dict):
            capability["properties"] |= parameters


def _to_endpoints(endpoints: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "endpointId": endpoint_id,
            "capabilities": [
                {"id": identifier, **capability} for identifier, capability in sorted(capabilities.items())
            ],
        }
        for endpoint_id, capabilities in sorted(endpoints.items())
    ]
