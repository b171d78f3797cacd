"""The status of a managed thing: onboarding, certificate, connection, and states of capabilities.

UNCONFIRMED: AWS raises ResourceNotFound for the certificate, the connection or the states of a device that was never set up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.kinds.base.context import Read, Response
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.base.status import format_time
from reconciler.kinds.shared import x509
from reconciler.kinds.shared.managed_integrations import SERVICE
from reconciler.model.call import ApiCall
from reconciler.model.diagnostic import InvalidValueError
from reconciler.model.pem import Pem

STATUS_OPERATIONS = (
    "GetManagedThing",
    "GetManagedThingConnectivityData",
    "GetManagedThingCertificate",
    "GetManagedThingState",
)

_ID_PARAMS = {"GetManagedThingState": "ManagedThingId"}
"""The parameter with the ID, where it is not `Identifier`."""

_NO_REASON = "NONE"


def read_managed_thing_status(identity: str) -> Read[Mapping[str, Any]]:
    """Return the status of a managed thing, by name, without what AWS does not report."""
    responses = yield [
        ApiCall(
            SERVICE,
            operation,
            {_ID_PARAMS.get(operation, "Identifier"): identity},
            ignored_errors=NOT_FOUND,
        )
        for operation in STATUS_OPERATIONS
    ]
    managed_thing, connectivity, certificate, state = responses
    values = {
        "provisioning_status": managed_thing.get("ProvisioningStatus"),
        "activated_at": format_time(managed_thing.get("ActivatedAt")),
        "connected": connectivity.get("Connected"),
        "connectivity_as_of": format_time(connectivity.get("Timestamp")),
        "disconnect_reason": connectivity.get("DisconnectReason"),
        **_describe_certificate(certificate),
        **dict(_describe_states(state)),
    }
    if values["disconnect_reason"] == _NO_REASON:
        del values["disconnect_reason"]
    return {name: value for name, value in values.items() if value is not None}


def _describe_certificate(response: Response) -> Mapping[str, Any]:
    if "CertificatePem" not in response:
        return {}
    try:
        pem = Pem.parse(response["CertificatePem"])
    except InvalidValueError:
        return {"certificate": "not readable"}
    values = {"certificate.sha256": pem.fingerprint}
    if x509.is_readable(pem):
        values["certificate.subject"] = x509.read_subject(pem) or ""
        values["certificate.expires_at"] = format_time(x509.read_expiry(pem)) or ""
    return values


def _describe_states(response: Response) -> Iterator[tuple[str, Any]]:
    """Yield the properties of each capability, under its endpoint and its ID."""
    for endpoint in response.get("Endpoints", ()):
        for capability in endpoint["capabilities"]:
            name = f"states.{endpoint['endpointId']}.{capability['id']}"
            yield name, capability.get("properties") or {}
