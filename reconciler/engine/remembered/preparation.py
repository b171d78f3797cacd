"""Prepare the cache for a plan: forget the edges that the change feed names.

If the feed cannot be trusted, all are forgotten.
"""

from __future__ import annotations

from reconciler.engine.ownership.stored_lease import LeaseGroup
from reconciler.engine.remembered.cache import ReadingCache
from reconciler.engine.remembered.feed import (
    are_kept,
    has_lease_event,
    is_gap,
    must_be_delivered,
    read_changed_things,
)
from reconciler.frozen_classes import frozen
from reconciler.model.call import Call
from reconciler.model.errors import NO_ACCESS_CODES, AwsError, TargetError

CHECKPOINT, TRUSTED_SINCE = "checkpoint", "trusted_since"
LEASE_SINCE, LEASE_UNTIL = "lease_since", "lease_until"

_MIN_EVENTS = 10_000
"""The events of one operation that are read in any case: 200 calls, which take 100 seconds of CloudTrail's quota."""

_EVENTS_PER_THING = 5
"""Reading this many events takes as long as reading the edges of one thing."""


@frozen
class Preparation:
    """The usable part of a cache.

    - `named`: the things whose edges the feed names;
    - `warnings`: what makes the remembered edges less certain;
    - `is_feed_read`: whether the next plan can go on where this one ended to read the feed.
    """

    named: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    is_feed_read: bool = True


def prepare_cache(
    cache: ReadingCache, group: LeaseGroup, workspace: str, call: Call, thing_count: int
) -> Preparation:
    """Delete the readings that the feed makes invalid. Raises CacheError.

    If the feed has a gap, or does not have our own writes, all readings made before now are invalid. If it cannot be read, there is a
    warning.
    """
    now = group.now.timestamp()
    if not group.find_active_lease():
        cache.end_crashed_writes(now)
    checkpoint = cache.read_time(CHECKPOINT)
    if checkpoint is None:
        cache.write_times(**{CHECKPOINT: now, TRUSTED_SINCE: now})
        return Preparation()
    if max(checkpoint, cache.read_time(TRUSTED_SINCE) or 0.0) > now:
        return _distrust(cache, now, "the last reading is in the future by the registry's clock")
    if is_gap(checkpoint, now):
        return _distrust(cache, now, "the last reading is too long ago for CloudTrail's event history")
    try:
        if not _test_feed(cache, workspace, call, now):
            return _distrust(cache, now, "CloudTrail does not have the writes of our last run")
        max_events = max(_MIN_EVENTS, _EVENTS_PER_THING * thing_count)
        feed = read_changed_things(call, checkpoint, max_events=max_events)
    except (AwsError, TargetError) as error:
        return Preparation(warnings=(_describe_failure(error),), is_feed_read=False)
    if not feed.is_complete:
        return _distrust(cache, now, f"CloudTrail has more than {max_events:,} events of one operation")
    cache.forget_changed(feed.changed)
    return Preparation(frozenset(feed.changed))


def _test_feed(cache: ReadingCache, workspace: str, call: Call, now: float) -> bool:
    """Return whether the feed has the writes of the last run that can be tested; it is tested once."""
    since, until = cache.read_time(LEASE_SINCE), cache.read_time(LEASE_UNTIL)
    if since is None or until is None:
        return True
    if are_kept(since, until, now):
        if not must_be_delivered(until, now):
            return True
        if not has_lease_event(call, workspace, since, until):
            return False
    cache.write_times(**{LEASE_SINCE: None, LEASE_UNTIL: None})
    return True


def _distrust(cache: ReadingCache, now: float, reason: str) -> Preparation:
    cache.write_times(**{CHECKPOINT: now, TRUSTED_SINCE: now})
    return Preparation(warnings=(f"no remembered edge is used: {reason}",))


def _describe_failure(error: AwsError | TargetError) -> str:
    problem = "CloudTrail cannot be read, so edges that others changed are found only in their turn"
    if isinstance(error, AwsError) and error.code in NO_ACCESS_CODES:
        return f"{problem}: {error.code}; allow cloudtrail:LookupEvents"
    return f"{problem}: {error}"
