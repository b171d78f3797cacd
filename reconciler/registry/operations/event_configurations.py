"""Event configurations: DescribeEventConfigurations and UpdateEventConfigurations.

They select which events AWS publishes. No events are published here.
"""

import json

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.wire.service import load_service

SCHEMA = (
    """
    CREATE TABLE event_configurations (
      scope INTEGER PRIMARY KEY,
      enabled TEXT NOT NULL,
      created_at REAL NOT NULL,
      modified_at REAL NOT NULL
    )
    """,
)


@operation("iot", "DescribeEventConfigurations")
def describe_event_configurations(context: Context, _params: Params) -> Output | None:
    """Return whether each event type is enabled; the default is disabled."""
    row = context.tx.fetch_one("SELECT * FROM event_configurations WHERE scope = ?", context.scope)
    is_enabled_by_type = {} if row is None else json.loads(row["enabled"])
    types = load_service("iot").model.shape_for("EventType").metadata["enum"]
    return {
        "eventConfigurations": {name: {"Enabled": is_enabled_by_type.get(name, False)} for name in types},
        "creationDate": None if row is None else row["created_at"],
        "lastModifiedDate": None if row is None else row["modified_at"],
    }


@operation("iot", "UpdateEventConfigurations")
def update_event_configurations(context: Context, params: Params) -> Output | None:
    """Enable or disable each event type in the request; the others stay unchanged."""
    row = context.tx.fetch_one("SELECT * FROM event_configurations WHERE scope = ?", context.scope)
    is_enabled_by_type = {} if row is None else json.loads(row["enabled"])
    for name, configuration in params.get("eventConfigurations", {}).items():
        is_enabled_by_type[name] = configuration.get("Enabled", False)
    context.tx.run(
        "INSERT OR REPLACE INTO event_configurations (scope, enabled, created_at, modified_at) VALUES (?, ?, ?, ?)",
        context.scope,
        json.dumps(is_enabled_by_type),
        context.now if row is None else row["created_at"],
        context.now,
    )
    return None
