"""Events of CloudTrail as values.

An event is other people's text: nothing in it is trusted, and a member of an unexpected type counts as missing.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from typing import Any

from reconciler.engine.change_feed.resources import ResourceId, find_changed_resources
from reconciler.frozen_classes import frozen
from reconciler.kinds import all_kinds
from reconciler.model.call import get_by_path
from reconciler.model.change import ACTIONS
from reconciler.model.errors import TargetError

EVENT_SOURCES: Mapping[str, str] = {
    "iot": "iot.amazonaws.com",
    "iot-managed-integrations": "iotmanagedintegrations.amazonaws.com",
}
"""CloudTrail's names of the services whose changes are read."""

_MANAGED_INTEGRATIONS_OPERATIONS = frozenset(
    f"{verb}{noun}"
    for verb in ("Create", "Update", "Delete")
    for noun in ("AccountAssociation", "CloudConnector", "ConnectorDestination")
)
"""The writes of managed integrations that plans send and CloudTrail records (managed integrations developer guide, "Logging managed
integrations API calls using AWS CloudTrail")."""

_SERVICES = {source: service for service, source in EVENT_SOURCES.items()}
_ROLE_SESSION = re.compile(r"arn:[^:]*:sts::[^:]*:assumed-role/[^/]+/(.+)")
_OUR_USER_AGENT = re.compile(r"(?<![\w./-])reconciler(?![\w./-])")


@frozen
class ChangeEvent:
    """A recorded call that writes.

    - `id`: CloudTrail's ID of the event; `time`: when the call was made, in whole seconds of UTC;
    - `service`, `operation`: what was called, as the API names it; `service` is empty for another one than AWS IoT's;
    - `principal`: who called, as people read it: an ARN, or the name of a service of AWS;
    - `access_key_id`, `session`: the access key ID, and the name of the role's session; empty if there is none;
    - `source`: the IP address that the call came from, or the service of AWS that made it;
    - `is_from_reconciler`: whether the caller's user agent is that of reconciler, which anybody can send;
    - `error_code`: why the call failed; empty if it succeeded;
    - `resources`: what the call changed, by table and AWS's ID.
    """

    id: str
    time: datetime.datetime
    service: str
    operation: str
    principal: str
    access_key_id: str
    session: str
    source: str
    is_from_reconciler: bool
    error_code: str
    resources: frozenset[ResourceId]


def is_kind_recorded(table: str) -> bool:
    """Return whether CloudTrail records the changes of a kind's resources."""
    kind = all_kinds()[table]
    operations = {operation for purpose in ACTIONS for operation in kind.list_operations(purpose)}
    return kind.service == "iot" or any(
        service == kind.service and name in _MANAGED_INTEGRATIONS_OPERATIONS for service, name in operations
    )


def parse_event(event: Mapping[str, Any]) -> ChangeEvent:
    """Return an event of a response to LookupEvents as a value. Raises TargetError if it has no time."""
    time = event.get("EventTime")
    if time is None:
        raise TargetError("cloudtrail:LookupEvents returned an event without a time; check the endpoint")
    record = _parse_record(event.get("CloudTrailEvent"))
    service = _SERVICES.get(_get_text(event, "EventSource"), "")
    operation = _get_text(event, "EventName")
    principal = _find_principal(record) or _get_text(event, "Username")
    session = _ROLE_SESSION.fullmatch(principal)
    request, response = (_get_members(record, name) for name in ("requestParameters", "responseElements"))
    return ChangeEvent(
        id=_get_text(event, "EventId"),
        time=time.astimezone(datetime.UTC),
        service=service,
        operation=operation,
        principal=principal,
        access_key_id=_get_text(record, "userIdentity.accessKeyId") or _get_text(event, "AccessKeyId"),
        session=session[1] if session else "",
        source=_get_text(record, "sourceIPAddress"),
        is_from_reconciler=bool(_OUR_USER_AGENT.search(_get_text(record, "userAgent"))),
        error_code=_get_text(record, "errorCode"),
        resources=find_changed_resources(service, operation, request, response) if service else frozenset(),
    )


def _parse_record(text: Any) -> Mapping[str, Any]:
    try:
        record = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _find_principal(record: Mapping[str, Any]) -> str:
    """Return who called: an ARN if there is one, else the service, the user or the type of the identity."""
    names = ("arn", "invokedBy", "userName", "principalId", "type")
    texts = (_get_text(record, f"userIdentity.{name}") for name in names)
    return next((text for text in texts if text), "")


def _get_members(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    members = record.get(name)
    return members if isinstance(members, dict) else {}


def _get_text(members: Mapping[str, Any], path: str) -> str:
    value = get_by_path(members, path)
    return value if isinstance(value, str) else ""
