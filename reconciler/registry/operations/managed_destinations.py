"""Notification destinations: the operations that create, get, list, update and delete them.

UNCONFIRMED: a notification configuration that uses a destination blocks its deletion with a ValidationException. AWS's service model
has no other error for that.
"""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.shared.managed_resources import (
    SERVICE,
    create_once,
    delete_existing,
    describe,
    list_resources,
)
from reconciler.registry.shared.notifications import DESTINATIONS, list_event_types


@operation(SERVICE, "CreateDestination")
def create_destination(context: Context, params: Params) -> Output | None:
    """Create a destination; repeating the call with the same client token creates no second one.

    Raises ConflictException (409).
    """
    return {"Name": create_once(context, DESTINATIONS, params, params["Name"]).name}


@operation(SERVICE, "GetDestination")
def get_destination(context: Context, params: Params) -> Output | None:
    """Return everything about a destination. Raises ResourceNotFound."""
    return describe(DESTINATIONS, DESTINATIONS.require(context, params))


@operation(SERVICE, "ListDestinations")
def list_destinations(context: Context, params: Params) -> Output | None:
    """Return the destinations, in creation order. Raises ValidationException for an invalid `NextToken`."""
    return list_resources(context, DESTINATIONS, params, "DestinationList")


@operation(SERVICE, "UpdateDestination")
def update_destination(context: Context, params: Params) -> Output | None:
    """Change the members in the request; others stay. Raises ResourceNotFound."""
    destination = DESTINATIONS.require(context, params)
    DESTINATIONS.update(context, destination, DESTINATIONS.select_changes(params))
    return None


@operation(SERVICE, "DeleteDestination")
def delete_destination(context: Context, params: Params) -> Output | None:
    """Delete a destination. Raises ResourceNotFound, ValidationException for one that is used."""
    destination = delete_existing(context, DESTINATIONS, params)
    event_types = list_event_types(context, destination.name)
    if event_types:
        raise context.invalid(
            f"The destination {destination.name} is used by notification configurations: {', '.join(event_types)}."
        )
    return None
