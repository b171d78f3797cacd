"""Cloud connectors, connector destinations and account associations: their types and their users."""

from reconciler.registry.context import Context
from reconciler.registry.shared.managed_resources import declare_type

CONNECTORS = declare_type("cloud connector", "Identifier")
CONNECTOR_DESTINATIONS = declare_type("connector destination", "Identifier")
ACCOUNT_ASSOCIATIONS = declare_type("account association", "AccountAssociationId")


def list_destination_ids(context: Context, connector_id: str) -> list[str]:
    """Return the IDs of the destinations of a connector."""
    destinations = CONNECTOR_DESTINATIONS.read_all(context)
    return [item.name for item in destinations if item.members["CloudConnectorId"] == connector_id]


def list_association_ids(context: Context, destination_id: str) -> list[str]:
    """Return the IDs of the account associations of a connector destination."""
    associations = ACCOUNT_ASSOCIATIONS.read_all(context)
    return [item.name for item in associations if item.members["ConnectorDestinationId"] == destination_id]
