"""Notification configurations: which destination receives the notifications of a type of event.

Source: managed integrations API reference, CreateNotificationConfiguration and related operations; developer guide,
"Notifications". TagResource takes no notification configuration, so AWS sets the tags only at the creation.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.marked_kind import MarkedKind
from reconciler.kinds.base.plain_kind import PlainApi
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.managed_integrations import SERVICE
from reconciler.model.resource import External


@frozen
class NotificationConfiguration:
    """`[notification_configurations.*]`."""

    destination: str | External = member(
        "The destination of the notifications.",
        api="CreateNotificationConfiguration.DestinationName",
        references="managed_destinations",
    )
    tags: Mapping[str, str] = member(
        "Tags.", api="CreateNotificationConfiguration.Tags", on_change="replaces", factory=dict
    )


class NotificationConfigurations(MarkedKind):
    """Notification configurations: found by name, owned by a thing group that is named after it."""

    table = "notification_configurations"
    noun = "notification configuration"
    service = SERVICE
    spec_class = NotificationConfiguration
    api = PlainApi(
        "NotificationConfiguration",
        name="EventType",
        arn="",
        listing=Listing("ListNotificationConfigurations", "NotificationConfigurationList", "EventType"),
        describe="GetNotificationConfiguration",
        tokens=("CreateNotificationConfiguration.ClientToken",),
    )


KIND = NotificationConfigurations()
