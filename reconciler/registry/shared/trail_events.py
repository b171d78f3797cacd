"""The log of successful writes, from which CloudTrail's events are read.

Invariant: the ID of an event is its time in microseconds since 1970, or one more than the ID of the last event, if that is
greater. So the order of IDs is that of the writes, even if the clock moves backwards, and a time is found by ID.

Events expire 90 days after their writes, as in CloudTrail's event history.
"""

from reconciler.frozen_classes import frozen
from reconciler.registry.context import Context

SCHEMA = (
    """
    CREATE TABLE trail_events (
      id INTEGER PRIMARY KEY,
      scope INTEGER NOT NULL,
      delivered_at REAL NOT NULL,
      service TEXT NOT NULL,
      operation TEXT NOT NULL,
      caller TEXT NOT NULL,
      request_id TEXT NOT NULL,
      resources TEXT NOT NULL,
      request TEXT NOT NULL,
      response TEXT NOT NULL
    )
    """,
)

SECONDS_KEPT = 90 * 86_400
MICROSECONDS = 1_000_000


@frozen
class TrailWrite:
    """A successful write.

    `caller`, `request` and `response` are JSON documents; a response without members is empty. A caller has `key_id` (the access key
    ID), `role` if one was assumed, `name` (of the user or session; null for the root user), `source_ip` and `agent`. `resources` has a line for each
    resource that the event names: its type, a tab and its name, between newlines. `lag_seconds` is the time until the event is delivered.
    """

    caller: str
    request_id: str
    resources: str
    request: str
    response: str
    lag_seconds: float


def add_event(context: Context, write: TrailWrite) -> None:
    """Log a write of the operation that the context is for."""
    context.tx.run(
        "INSERT INTO trail_events VALUES"
        " (max(?, coalesce((SELECT max(id) + 1 FROM trail_events), 0)), ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        int(context.now * MICROSECONDS),
        context.scope,
        context.now + write.lag_seconds,
        context.service,
        context.operation,
        write.caller,
        write.request_id,
        write.resources,
        write.request,
        write.response,
    )


def delete_expired_events(context: Context) -> None:
    """Delete the events of the account and Region that are older than 90 days."""
    oldest = int((context.now - SECONDS_KEPT) * MICROSECONDS)
    context.tx.run("DELETE FROM trail_events WHERE scope = ? AND id < ?", context.scope, oldest)
