"""Notification configurations: the operations that create, get, list, update and delete them.

The configurations are stored; nothing is sent to their destinations. UNCONFIRMED: a destination that does not exist is a
ValidationException. The service model has no other error for that in CreateNotificationConfiguration.
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
from reconciler.registry.shared.notifications import DESTINATIONS, NOTIFICATION_CONFIGURATIONS


@operation(SERVICE, "CreateNotificationConfiguration")
def create_notification_configuration(context: Context, params: Params) -> Output | None:
    """Create the configuration of a type of events.

    Repeating the call with the same client token changes nothing. Raises ConflictException (409), ValidationException for an unknown destination.
    """
    _require_destination(context, params)
    configuration = create_once(context, NOTIFICATION_CONFIGURATIONS, params, params["EventType"])
    return {"EventType": configuration.name}


@operation(SERVICE, "GetNotificationConfiguration")
def get_notification_configuration(context: Context, params: Params) -> Output | None:
    """Return everything about a configuration. Raises ResourceNotFound."""
    configuration = NOTIFICATION_CONFIGURATIONS.require(context, params)
    return describe(NOTIFICATION_CONFIGURATIONS, configuration)


@operation(SERVICE, "ListNotificationConfigurations")
def list_notification_configurations(context: Context, params: Params) -> Output | None:
    """Return the configurations, in creation order. Raises ValidationException for an invalid `NextToken`."""
    return list_resources(context, NOTIFICATION_CONFIGURATIONS, params, "NotificationConfigurationList")


@operation(SERVICE, "UpdateNotificationConfiguration")
def update_notification_configuration(context: Context, params: Params) -> Output | None:
    """Change the destination. Raises ResourceNotFound, ValidationException for an unknown destination."""
    configuration = NOTIFICATION_CONFIGURATIONS.require(context, params)
    _require_destination(context, params)
    changes = NOTIFICATION_CONFIGURATIONS.select_changes(params)
    NOTIFICATION_CONFIGURATIONS.update(context, configuration, changes)
    return None


@operation(SERVICE, "DeleteNotificationConfiguration")
def delete_notification_configuration(context: Context, params: Params) -> Output | None:
    """Delete a configuration. Raises ResourceNotFound."""
    delete_existing(context, NOTIFICATION_CONFIGURATIONS, params)
    return None


def _require_destination(context: Context, params: Params) -> None:
    name = params["DestinationName"]
    if DESTINATIONS.find(context, name) is None:
        raise context.invalid(f"The destination {name} does not exist.")
