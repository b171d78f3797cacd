"""Read the change feed: CloudTrail's event history, through LookupEvents.

CloudTrail delivers an event about five minutes after its call, "but this time is not guaranteed" (CloudTrail user guide, "How CloudTrail
works"), keeps it for 90 days, and does not record calls of devices over MQTT. So the feed is never complete by itself. Its events are
of a whole account in one Region; LookupEvents takes one attribute and 2 calls a second, each of at most 50 events.
"""

from __future__ import annotations

import datetime

from reconciler.engine.change_feed.events import EVENT_SOURCES, ChangeEvent, parse_event
from reconciler.frozen_classes import frozen
from reconciler.model.call import ApiCall, Call

DAYS_KEPT = 90
"""The days for which CloudTrail's event history has events."""

DELIVERY_OVERLAP = datetime.timedelta(hours=1)
"""How far a reading goes back behind the end of the one before it, for events that are delivered late."""


@frozen
class ChangeWindow:
    """The events of a service in a time, newest first, without those of failed calls.

    `start` is the beginning of the time. `is_complete` is false if the time has more events than were allowed to be read: the
    older ones are then missing. `read_count` is the number of events that were read, failed calls included.
    """

    start: datetime.datetime
    events: tuple[ChangeEvent, ...]
    read_count: int
    is_complete: bool

    @property
    def oldest_time(self) -> datetime.datetime:
        """The time since which all delivered events are known."""
        return self.start if self.is_complete or not self.events else self.events[-1].time


def read_window(
    call: Call,
    service: str,
    start: datetime.datetime,
    end: datetime.datetime | None = None,
    *,
    max_events: int | None = None,
) -> ChangeWindow:
    """Read the events of a service from `start` to `end`, both included; without an end, up to the newest.

    A reading that continues another one starts `DELIVERY_OVERLAP` before its end, and finds the known events by
    `ChangeEvent.id`. Raises AwsError and TargetError.
    """
    params = {"StartTime": start, **({"EndTime": end} if end else {})}
    return _look_up(call, ("EventSource", EVENT_SOURCES[service]), params, start, max_events)


def read_operation(
    call: Call,
    operation: str,
    start: datetime.datetime,
    end: datetime.datetime | None = None,
    *,
    max_events: int | None = None,
) -> ChangeWindow:
    """Read the events of one operation, as `read_window` reads those of a service."""
    params = {"StartTime": start, **({"EndTime": end} if end else {})}
    return _look_up(call, ("EventName", operation), params, start, max_events)


def read_changes_of(call: Call, name: str, start: datetime.datetime, *, max_events: int) -> ChangeWindow:
    """Read the events since `start` whose list of resources has a name; CloudTrail may list none.

    Raises AwsError and TargetError.
    """
    return _look_up(call, ("ResourceName", name), {"StartTime": start}, start, max_events)


def _look_up(
    call: Call,
    attribute: tuple[str, str],
    params: dict[str, datetime.datetime],
    start: datetime.datetime,
    max_events: int | None,
) -> ChangeWindow:
    key, value = attribute
    attributes = [{"AttributeKey": key, "AttributeValue": value}]
    request = ApiCall(
        "cloudtrail", "LookupEvents", {"LookupAttributes": attributes, **params}, max_items=max_events
    )
    response = call(request)
    events = tuple(map(parse_event, response["Events"]))
    return ChangeWindow(
        start,
        tuple(event for event in events if not event.error_code),
        read_count=len(events),
        is_complete=not response.get("NextToken"),
    )
