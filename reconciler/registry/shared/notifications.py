"""Notification destinations and configurations, and how they refer to each other."""

from reconciler.registry.context import Context
from reconciler.registry.shared.managed_resources import declare_type

DESTINATIONS = declare_type("destination", "Name")
NOTIFICATION_CONFIGURATIONS = declare_type("notification configuration", "EventType")


def list_event_types(context: Context, destination: str) -> list[str]:
    """Return the types of events whose notifications a destination receives."""
    configurations = NOTIFICATION_CONFIGURATIONS.read_all(context)
    return [item.name for item in configurations if item.members["DestinationName"] == destination]
