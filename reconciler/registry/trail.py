"""The recording of successful writes as events of CloudTrail, which are delivered later or lost.

`operations/trail.py` serves the events. Invariant: a write and its event are in one transaction. The lag and the loss come from a
seeded generator, so the same writes have the same ones.

CloudTrail records the operations of AWS IoT that change something, as a rule (AWS IoT developer guide, "Logging AWS IoT API calls using
AWS CloudTrail"); that these are all writes but GetRegistrationCode is UNCONFIRMED. For managed integrations, it records only the
operations in `_MANAGED_INTEGRATIONS_WRITES` (managed integrations developer guide, "Logging managed integrations API calls"). An
operation that another one calls, as RegisterThing calls CreateThing, has no event; that is UNCONFIRMED.

A registry has no users. The access key ID of a request is the name of its user, unless it is that of an account (12 digits), whose
root user then calls; GetCallerIdentity names that user for every key. A session token `ROLE/SESSION`, such as `ops/jane`, is a session of a role.
"""

import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from random import Random
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.registry.context import Context
from reconciler.registry.http import RegistrySettings
from reconciler.registry.shared.trail_events import TrailWrite, add_event, delete_expired_events
from reconciler.registry.trail_resources import ResourceMembers, find_resource_members
from reconciler.registry.wire.hidden_members import Hide, compile_hide
from reconciler.registry.wire.service import load_service

_KEY_ID = re.compile(r"Credential=([^/,\s]+)/")
_ACCOUNT = re.compile(r"[0-9]{12}")
_ROLE_SESSION = re.compile(r"([\w+=,.@-]{1,64})/([\w+=,.@-]{2,64})", re.ASCII)

_MANAGED_INTEGRATIONS_WRITES = frozenset(
    {
        "CreateAccountAssociation",
        "CreateCloudConnector",
        "CreateConnectorDestination",
        "DeleteAccountAssociation",
        "DeleteCloudConnector",
        "DeleteConnectorDestination",
        "DeregisterAccountAssociation",
        "RegisterAccountAssociation",
        "SendConnectorEvent",
        "StartAccountAssociationRefresh",
        "UpdateAccountAssociation",
        "UpdateCloudConnector",
        "UpdateConnectorDestination",
    }
)
_WRITES_PER_DELETION = 256
"""Every write of this number deletes the expired events, because a deletion takes time even without any."""

_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


@frozen
class WriteSender:
    """The caller of a request, in the form that `TrailWrite` documents, and the request's ID."""

    caller: str
    request_id: str


@frozen
class _RecordedOperation:
    """How the writes of an operation are recorded: their resources and their values."""

    resources: ResourceMembers
    hide_params: Hide | None
    hide_output: Hide | None


class Trail:
    """Records the writes of one registry; it is called in their transactions."""

    def __init__(self, settings: RegistrySettings) -> None:
        self._settings = settings
        self._random = Random(settings.trail_seed)  # noqa: S311  (not used for secrets)
        self._write_count = 0

    def record(
        self,
        context: Context,
        sender: WriteSender,
        params: Mapping[str, Any],
        output: Mapping[str, Any],
        body: bytes,
    ) -> None:
        """Log a successful write, unless CloudTrail does not record its operation or its event is lost.

        `body` is the document of the output.
        """
        recorded = _find_recorded_operation(context.service, context.operation)
        if recorded is None or self._is_next_lost():
            return
        write = TrailWrite(
            sender.caller,
            sender.request_id,
            recorded.resources.format_resources(params, output)
            if self._settings.trail_names_resources
            else "",
            _encode(params if recorded.hide_params is None else recorded.hide_params(params)),
            _hide_in_document(recorded.hide_output, body.decode()),
            self._choose_next_lag(),
        )
        add_event(context, write)
        self._write_count += 1
        if self._write_count % _WRITES_PER_DELETION == 0:
            delete_expired_events(context)

    def _is_next_lost(self) -> bool:
        return self._settings.trail_loss > 0 and self._random.random() < self._settings.trail_loss

    def _choose_next_lag(self) -> float:
        shortest, longest = self._settings.trail_lag_seconds
        return shortest if shortest == longest else self._random.uniform(shortest, longest)


def is_recorded(service: str, operation: str) -> bool:
    """Return whether CloudTrail records a write operation as a management event."""
    if service == "iot":
        return operation != "GetRegistrationCode"
    return operation in _MANAGED_INTEGRATIONS_WRITES


def _hide_in_document(hide: Hide | None, document: str) -> str:
    return document if hide is None or not document else _encode(hide(json.loads(document)))


@cache
def _find_recorded_operation(service: str, operation: str) -> _RecordedOperation | None:
    if not is_recorded(service, operation):
        return None
    model = load_service(service).get_operation(operation).model
    return _RecordedOperation(
        find_resource_members(service, model),
        compile_hide(model.input_shape),
        compile_hide(model.output_shape),
    )


def find_write_sender(headers: Mapping[str, str], source_ip: str, request_id: str) -> WriteSender:
    """Return who sent a request, from its headers, whose names are in lower case."""
    # Without the signature, which differs from request to request, the caller can be cached.
    credential = headers.get("authorization", "").partition(",")[0]
    token, agent = headers.get("x-amz-security-token", ""), headers.get("user-agent", "")
    return WriteSender(_format_caller(credential, token, source_ip, agent), request_id)


@lru_cache(maxsize=1024)
def _format_caller(credential: str, token: str, source_ip: str, agent: str) -> str:
    match, session = _KEY_ID.search(credential), _ROLE_SESSION.fullmatch(token)
    key_id = match[1] if match else None
    is_root = key_id is None or _ACCOUNT.fullmatch(key_id) is not None
    role, name = session.groups() if session else (None, None if is_root else key_id)
    return _encode({"key_id": key_id, "role": role, "name": name, "source_ip": source_ip, "agent": agent})
