"""Find the things whose edges the change feed names, and test whether the feed works at all.

The feed alone proves nothing: CloudTrail does not guarantee that every event is delivered, and records no calls of devices over MQTT.
So it only makes readings invalid, and the limits of `[workspace.remembered]` bound what it misses.
"""

from __future__ import annotations

import datetime

from reconciler.engine.change_feed.feed import DAYS_KEPT, DELIVERY_OVERLAP, read_operation
from reconciler.frozen_classes import frozen
from reconciler.kinds.shared.edges import select_things
from reconciler.kinds.shared.ownership_markers import build_workspace_group_address
from reconciler.model.call import Call

_EDGE_OPERATIONS = ("AttachThingPrincipal", "DetachThingPrincipal", "RegisterThing")
"""The operations that change the edges of a thing that exists.

A thing can only be deleted without edges, and a certificate only if no thing has it (AWS IoT API reference, DeleteThing, DeleteCertificate).
"""

_SETTLING_SECONDS = 60.0
"""How long a reading may still show the edges before a change: AWS detaches principals within seconds."""

_SECONDS_KEPT = DAYS_KEPT * 86400.0
_MAX_LEASE_EVENTS = 1_000
_CLOCK_SECONDS = 2.0
"""Events have whole seconds, and times of the lease are those of the responses before."""


@frozen
class FeedReading:
    """The things that events name, each with the time until which readings of it are not used.

    `is_complete` is whether all delivered events of the time were read.
    """

    changed: dict[str, float]
    is_complete: bool


def is_gap(checkpoint: float, now: float) -> bool:
    """Return whether the feed no longer has all events since a checkpoint."""
    return checkpoint - DELIVERY_OVERLAP.total_seconds() < now - _SECONDS_KEPT


def read_changed_things(call: Call, checkpoint: float, *, max_events: int) -> FeedReading:
    """Read which things' edges were changed since a checkpoint, and a while before it for late events.

    Raises AwsError and TargetError.
    """
    start = _to_time(checkpoint) - DELIVERY_OVERLAP
    changed: dict[str, float] = {}
    is_complete = True
    for operation in _EDGE_OPERATIONS:
        window = read_operation(call, operation, start, max_events=max_events)
        is_complete &= window.is_complete
        for event in window.events:
            until = event.time.timestamp() + _SETTLING_SECONDS
            for name in select_things(event.resources):
                changed[name] = max(until, changed.get(name, 0.0))
    return FeedReading(changed, is_complete)


def are_kept(since: float, until: float, now: float) -> bool:
    """Return whether the feed still has the events of a run of ours; false if its times are not valid."""
    return now - _SECONDS_KEPT < since <= until <= now


def must_be_delivered(until: float, now: float) -> bool:
    """Return whether the events of a run of ours must have been delivered."""
    return until < now - DELIVERY_OVERLAP.total_seconds()


def has_lease_event(call: Call, workspace: str, since: float, until: float) -> bool:
    """Return whether the feed has a write of the workspace's lease in the time of a run.

    Raises AwsError and TargetError.
    """
    start, end = _to_time(since - _CLOCK_SECONDS), _to_time(until + _CLOCK_SECONDS)
    address = build_workspace_group_address(workspace)
    group = (address.kind, address.name)
    window = read_operation(call, "UpdateThingGroup", start, end, max_events=_MAX_LEASE_EVENTS)
    return any(group in event.resources for event in window.events)


def _to_time(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
