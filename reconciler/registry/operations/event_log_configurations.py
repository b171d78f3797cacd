"""Event log configurations: the operations that create, get, list, update and delete them.

The configurations are stored; nothing is logged. UNCONFIRMED: a second configuration for the same type and ID is a ConflictException,
and the ID need not be that of an existing resource. AWS's service model has no ResourceNotFound for the creation.
"""

import uuid

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.shared.managed_resources import (
    SERVICE,
    create_once,
    declare_type,
    delete_existing,
    list_resources,
)
from reconciler.registry.shared.named_resources import NamedResource

EVENT_LOG_CONFIGURATIONS = declare_type("event log configuration", "Id")
_TARGET = ("ResourceType", "ResourceId")


@operation(SERVICE, "CreateEventLogConfiguration")
def create_event_log_configuration(context: Context, params: Params) -> Output | None:
    """Create a configuration; repeating the call with the same client token returns the same one.

    Raises ConflictException (409).
    """
    configuration = create_once(context, EVENT_LOG_CONFIGURATIONS, params, uuid.uuid4().hex)
    target = _get_target(configuration)
    others = EVENT_LOG_CONFIGURATIONS.read_all(context)
    if any(_get_target(other) == target for other in others if other.name != configuration.name):
        raise ApiError("ConflictException", "There is an event log configuration for this resource.")
    return {"Id": configuration.name}


@operation(SERVICE, "GetEventLogConfiguration")
def get_event_log_configuration(context: Context, params: Params) -> Output | None:
    """Return everything about a configuration. Raises ResourceNotFound."""
    configuration = EVENT_LOG_CONFIGURATIONS.require(context, params)
    return {**configuration.members, "Id": configuration.name}


@operation(SERVICE, "ListEventLogConfigurations")
def list_event_log_configurations(context: Context, params: Params) -> Output | None:
    """Return the configurations, in creation order. Raises ValidationException for an invalid `NextToken`."""
    return list_resources(context, EVENT_LOG_CONFIGURATIONS, params, "EventLogConfigurationList")


@operation(SERVICE, "UpdateEventLogConfiguration")
def update_event_log_configuration(context: Context, params: Params) -> Output | None:
    """Change the level. Raises ResourceNotFound."""
    configuration = EVENT_LOG_CONFIGURATIONS.require(context, params)
    changes = EVENT_LOG_CONFIGURATIONS.select_changes(params)
    EVENT_LOG_CONFIGURATIONS.update(context, configuration, changes)
    return None


@operation(SERVICE, "DeleteEventLogConfiguration")
def delete_event_log_configuration(context: Context, params: Params) -> Output | None:
    """Delete a configuration. Raises ResourceNotFound."""
    delete_existing(context, EVENT_LOG_CONFIGURATIONS, params)
    return None


def _get_target(configuration: NamedResource) -> list[str]:
    return [configuration.members.get(name, "*") for name in _TARGET]
