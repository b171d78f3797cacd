"""Topic rule destinations: their table, and the status that each has at a time.

A destination is IN_PROGRESS for `topic_rule_destination_seconds`. Then the endpoint of an HTTP destination confirms it, though
nothing is sent to it, and the network interfaces of a VPC destination exist. Two conventions make the other outcomes possible:

- an endpoint below `.invalid`, which RFC 2606 reserves for names that do not exist, never confirms. ConfirmTopicRuleDestination
  does, with the token that the destination's `statusReason` has;
- a VPC, a subnet or a security group whose ID has only zeros does not exist, which ends in ERROR.

When AWS gives up on a confirmation is UNCONFIRMED.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from reconciler.frozen_classes import frozen
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, already_exists
from reconciler.registry.store import Row

SCHEMA = (
    """
    CREATE TABLE topic_rule_destinations (
      seq INTEGER PRIMARY KEY,
      scope INTEGER NOT NULL,
      id TEXT NOT NULL,
      type TEXT NOT NULL,
      properties TEXT NOT NULL,
      status TEXT NOT NULL,
      status_since REAL NOT NULL,
      token TEXT NOT NULL,
      created_at REAL NOT NULL,
      gone_at REAL,
      UNIQUE (scope, id)
    )
    """,
    "CREATE INDEX topic_rule_destinations_by_age ON topic_rule_destinations (scope, seq)",
)

IN_PROGRESS, ENABLED, DISABLED, ERROR, DELETING = "IN_PROGRESS", "ENABLED", "DISABLED", "ERROR", "DELETING"
HTTP, VPC, INFLUX_DB = "http", "vpc", "influxdb"
"""The types of destinations, as their ARNs have them; that of InfluxDB is UNCONFIRMED."""

_CONFIRMATION_SECONDS = 3 * 86_400
_MISSING_ID = re.compile(r"(?:vpc|subnet|sg)-0+")


@frozen
class Destination:
    """A stored destination; `properties` are those of its type, with sorted lists."""

    seq: int
    id: str
    arn: str
    type: str
    properties: Mapping[str, Any]
    status: str
    status_since: float
    token: str
    created_at: float
    status_reason: str | None


def find_destination(context: Context, arn: str) -> Destination | None:
    """Return the destination with an ARN, or None."""
    return next((item for item in iterate_destinations(context) if item.arn == arn), None)


def find_by_properties(
    context: Context, destination_type: str, properties: Mapping[str, Any]
) -> Destination | None:
    """Return the destination of this type that has these properties, or None."""
    expected = _sort_lists(properties)
    for item in iterate_destinations(context):
        if item.type == destination_type and item.properties == expected:
            return item
    return None


def iterate_destinations(context: Context, after_seq: int = 0) -> Iterator[Destination]:
    """Yield the destinations of the account, in creation order."""
    rows = context.tx.fetch_all(
        "SELECT * FROM topic_rule_destinations WHERE scope = ? AND seq > ? AND (gone_at IS NULL OR gone_at > ?) ORDER BY seq",
        context.scope,
        after_seq,
        context.now,
    )
    return (_to_destination(context, row) for row in rows)


def create_destination(context: Context, destination_type: str, properties: Mapping[str, Any]) -> Destination:
    """Store a destination that is IN_PROGRESS.

    Raises ResourceAlreadyExists (409) for one with the same properties.
    """
    existing = find_by_properties(context, destination_type, properties)
    if existing:
        raise already_exists(
            "A topic rule destination with this configuration already exists.",
            resource_id=existing.id,
            resource_arn=existing.arn,
        )
    identifier = str(uuid.uuid4())
    context.tx.run(
        "INSERT INTO topic_rule_destinations (scope, id, type, properties, status, status_since, token, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        context.scope,
        identifier,
        destination_type,
        json.dumps(_sort_lists(properties)),
        IN_PROGRESS,
        context.now,
        uuid.uuid4().hex,
        context.now,
    )
    created = find_destination(context, _build_arn(context, destination_type, identifier))
    assert created
    return created


def set_status(context: Context, destination: Destination, status: str) -> None:
    """Change the status of a destination; IN_PROGRESS begins again, with another confirmation token."""
    context.tx.run(
        "UPDATE topic_rule_destinations SET status = ?, status_since = ?, token = ? WHERE seq = ?",
        status,
        context.now,
        uuid.uuid4().hex,
        destination.seq,
    )


def require_for_action(context: Context, arn: str, destination_type: str) -> None:
    """Check that the destination of an action exists.

    Raises InvalidRequest (400); that AWS checks it, and with this error, is UNCONFIRMED.
    """
    destination = find_destination(context, arn)
    if destination is None or destination.type != destination_type:
        raise ApiError(
            "InvalidRequestException", f"The {destination_type} topic rule destination {arn} does not exist."
        )


def _to_destination(context: Context, row: Row) -> Destination:
    properties = json.loads(row["properties"])
    status, reason, since = _compute_status(context, row, properties)
    return Destination(
        row["seq"],
        row["id"],
        _build_arn(context, row["type"], row["id"]),
        row["type"],
        properties,
        status,
        since,
        row["token"],
        row["created_at"],
        reason,
    )


def _compute_status(
    context: Context, row: Row, properties: Mapping[str, Any]
) -> tuple[str, str | None, float]:
    """Return the status of a destination now, the reason for it, and since when it has it."""
    since = row["status_since"]
    if row["gone_at"] is not None:
        return DELETING, None, since
    if row["status"] != IN_PROGRESS:
        return row["status"], None, since
    end = since + context.settings.topic_rule_destination_seconds
    if row["type"] == HTTP and _never_confirms(properties["confirmationUrl"]):
        end = since + _CONFIRMATION_SECONDS
        if context.now >= end:
            return ERROR, "The confirmation timed out: no response received from the endpoint.", end
        sent_at = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        reason = (
            f"Awaiting confirmation. Confirmation message sent on {sent_at}; no response received from the endpoint. "
            f"The embedded registry sends nothing: the confirmation token is {row['token']}."
        )
        return IN_PROGRESS, reason, since
    if context.now < end:
        return IN_PROGRESS, None, since
    missing = [item for item in _iterate_ids(properties) if _MISSING_ID.fullmatch(item)]
    if missing:
        return ERROR, f"The ID '{missing[0]}' does not exist.", end
    return ENABLED, None, end


def _never_confirms(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "invalid" or host.endswith(".invalid")


def _iterate_ids(properties: Mapping[str, Any]) -> Iterator[str]:
    for value in properties.values():
        yield from value if isinstance(value, list) else [value]


def _build_arn(context: Context, destination_type: str, identifier: str) -> str:
    return context.build_arn(f"ruledestination/{destination_type}/{identifier}")


def _sort_lists(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: sorted(set(value)) if isinstance(value, list) else value
        for key, value in sorted(properties.items())
        if value not in ("", [])
    }
