"""LookupEvents: the management events that CloudTrail has recorded in the last 90 days, newest first.

All events are writes of AWS IoT and managed integrations. A lookup reads the events of its time until a page is full, so one
that finds few takes longer.

UNCONFIRMED: a lookup whose start is earlier than 90 days ago is not an error; a value that violates a constraint of the service's
model gets AWS's common error, not InvalidMaxResultsException; and the members of `CloudTrailEvent` are those of the events in AWS's
documentation, with the members of a request and a response as the service's model names them.
"""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import evolve

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context, find_partition
from reconciler.registry.errors import ApiError
from reconciler.registry.paging import Pager
from reconciler.registry.shared.trail_events import MICROSECONDS, SECONDS_KEPT
from reconciler.registry.store import Row, Value

SERVICE = "cloudtrail"

EVENTS_PAGER = Pager("NextToken", "NextToken", "MaxResults")
_EVENT_SOURCES = {
    "iot": "iot.amazonaws.com",
    "iot-managed-integrations": "iotmanagedintegrations.amazonaws.com",
}
_ROOT = "root"
_EVENT_VERSION = "1.09"

# A condition for each lookup attribute; `ReadOnly` and `EventSource` are converted before.
_CONDITIONS = {
    "AccessKeyId": "json_extract(caller, '$.key_id') = ?",
    "EventId": "id = ?",
    "EventName": "operation = ?",
    "EventSource": "service = ?",
    "ReadOnly": "? = 'false'",
    "ResourceName": "instr(resources, char(9) || ? || char(10)) > 0",
    "ResourceType": "instr(resources, char(10) || ? || char(9)) > 0",
    "Username": f"coalesce(json_extract(caller, '$.name'), '{_ROOT}') = ?",
}


@operation(SERVICE, "LookupEvents", writes=False)
def lookup_events(context: Context, params: Params) -> Output | None:
    """Return a page of the delivered events, with an attribute and from a range of time.

    The range includes its start and its end.

    Raises InvalidLookupAttributesException for several attributes and for a `ReadOnly` that is neither true nor false,
    InvalidTimeRangeException for a start after the end, InvalidNextTokenException.
    """
    condition, value = _parse_attribute(params.get("LookupAttributes", []))
    first_id, last_id = _parse_time_range(context, params)
    page = EVENTS_PAGER.start_page(evolve(context, invalid_code="InvalidNextTokenException"), params)
    if "EventCategory" in params:  # there are no Insights events
        return {"Events": []}
    rows = context.tx.fetch_all(
        "SELECT * FROM trail_events WHERE scope = ? AND id BETWEEN ? AND ? AND delivered_at <= ?"  # noqa: S608 (our own conditions)
        f" AND {condition} ORDER BY id DESC LIMIT ?",
        context.scope,
        first_id,
        min(last_id, page.after[0] - 1) if page.after else last_id,
        context.now,
        value,
        page.limit,
    )
    return page.build_output(
        "Events", rows, key=lambda row: [row["id"]], item=lambda row: _to_event(context, row)
    )


def _parse_attribute(attributes: list[Mapping[str, str]]) -> tuple[str, Value]:
    """Return the SQL condition of the lookup attribute, and its parameter."""
    if not attributes:
        return "? IS NULL", None
    if len(attributes) > 1:
        raise _invalid_attributes("You can only look up events by one attribute.")
    key, value = attributes[0]["AttributeKey"], attributes[0]["AttributeValue"]
    if key == "ReadOnly" and value not in {"true", "false"}:
        raise _invalid_attributes("The value of ReadOnly must be true or false.")
    if key == "EventSource":
        value = next((name for name, source in _EVENT_SOURCES.items() if source == value), "")
    return _CONDITIONS[key], _parse_event_id(value) if key == "EventId" else value


def _invalid_attributes(message: str) -> ApiError:
    return ApiError("InvalidLookupAttributesException", message)


def _parse_event_id(text: str) -> int:
    """Return the number of an event ID, or that of no event."""
    try:
        number = uuid.UUID(text).int
    except ValueError:
        return -1
    return number if number.bit_length() < 63 else -1  # noqa: PLR2004 (SQLite's integers)


def _format_event_id(number: int) -> str:
    return str(uuid.UUID(int=number))


def _parse_time_range(context: Context, params: Params) -> tuple[int, int]:
    """Return the first and the last ID of the events in a request's time, which is in whole seconds."""
    start, end = (params.get(name) for name in ("StartTime", "EndTime"))
    if start is not None and end is not None and start > end:
        raise ApiError("InvalidTimeRangeException", "The start time must be before the end time.")
    oldest = context.now - SECONDS_KEPT
    first = oldest if start is None else max(oldest, int(start.timestamp()))
    last = context.now if end is None else min(context.now, int(end.timestamp()))
    # Times in the same second are equal, and the IDs of writes at one time follow its own.
    return int(first * MICROSECONDS), (int(last) + 1) * MICROSECONDS - 1


def _to_event(context: Context, row: Row) -> dict[str, Any]:
    caller = json.loads(row["caller"])
    resources = [line.split("\t") for line in row["resources"].split("\n") if line]
    return {
        "EventId": _format_event_id(row["id"]),
        "EventName": row["operation"],
        "ReadOnly": "false",
        "AccessKeyId": caller["key_id"],
        "EventTime": row["id"] // MICROSECONDS,
        "EventSource": _EVENT_SOURCES[row["service"]],
        "Username": caller["name"] or _ROOT,
        "Resources": [{"ResourceType": type_name, "ResourceName": name} for type_name, name in resources],
        "CloudTrailEvent": json.dumps(_build_record(context, row, caller), separators=(",", ":")),
    }


def _build_record(context: Context, row: Row, caller: Mapping[str, str | None]) -> dict[str, Any]:
    """Return CloudTrail's record of an event."""
    time = datetime.fromtimestamp(row["id"] // MICROSECONDS, UTC)
    return {
        "eventVersion": _EVENT_VERSION,
        "userIdentity": _build_identity(context, caller),
        "eventTime": f"{time:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": _EVENT_SOURCES[row["service"]],
        "eventName": row["operation"],
        "awsRegion": context.region,
        "sourceIPAddress": caller["source_ip"],
        "userAgent": caller["agent"],
        "requestParameters": json.loads(row["request"]) or None,
        "responseElements": (json.loads(row["response"]) if row["response"] else None) or None,
        "requestID": row["request_id"],
        "eventID": _format_event_id(row["id"]),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": context.account,
        "eventCategory": "Management",
    }


def _build_identity(context: Context, caller: Mapping[str, str | None]) -> dict[str, Any]:
    """Return who sent the request of an event (user guide, "CloudTrail userIdentity element")."""
    prefix, account = f"arn:{find_partition(context.region)}", context.account
    key = {"accessKeyId": caller["key_id"]} if caller["key_id"] else {}
    name, role = caller["name"], caller["role"]
    if name is None:
        return {
            "type": "Root",
            "principalId": account,
            "arn": f"{prefix}:iam::{account}:root",
            "accountId": account,
            **key,
        }
    if role is None:
        return {
            "type": "IAMUser",
            "principalId": name,
            "arn": f"{prefix}:iam::{account}:user/{name}",
            "accountId": account,
            **key,
            "userName": name,
        }
    issuer = {
        "type": "Role",
        "principalId": role,
        "arn": f"{prefix}:iam::{account}:role/{role}",
        "accountId": account,
        "userName": role,
    }
    return {
        "type": "AssumedRole",
        "principalId": f"{role}:{name}",
        "arn": f"{prefix}:sts::{account}:assumed-role/{role}/{name}",
        "accountId": account,
        **key,
        "sessionContext": {"sessionIssuer": issuer},
    }
