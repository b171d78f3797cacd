"""Find who changed the resources that differ from the file, in CloudTrail's event history.

Invariant: the number of calls is bounded, also for a large drift or a long history. A few resources are looked up by name; those
that are not found, and many, are searched for among the events of their services, newest first, up to a limit.

Whether the events of AWS IoT name their resources is UNCONFIRMED, so a lookup by name that finds
nothing proves nothing.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence

from attrs import define, evolve, field

from reconciler.engine.change_feed.events import ChangeEvent, is_kind_recorded
from reconciler.engine.change_feed.feed import DAYS_KEPT, ChangeWindow, read_changes_of, read_window
from reconciler.engine.change_feed.resources import ResourceId
from reconciler.engine.plan.drift import Drift, DriftedResource, LastChange
from reconciler.kinds import all_kinds
from reconciler.model.call import Call
from reconciler.model.errors import NO_ACCESS_CODES, AwsError, TargetError
from reconciler.model.resource import Desired
from reconciler.model.run import Run
from reconciler.model.text import make_plural

MAX_NAME_LOOKUPS = 10
"""More resources than these are not looked up one by one: each lookup takes half a second of CloudTrail's quota."""

_EVENTS_PER_NAME = 50

MAX_SEARCHED_EVENTS = 2_000
"""The events that a search reads at most: 40 calls, which take 20 seconds of CloudTrail's quota."""

_WINDOW_HOURS = (1, 24, 7 * 24, DAYS_KEPT * 24)
"""The hours that a search goes back, one after the other, until it has found the last change of every resource."""

_RUN_TOLERANCE = datetime.timedelta(seconds=2)
"""Events have whole seconds, and the clocks of AWS and of this machine differ."""


def add_last_changes(
    drift: Drift, desired: Desired, call: Call, *, now: datetime.datetime, runs: Sequence[Run] = ()
) -> Drift:
    """Return the drift with the last change of each resource that CloudTrail knows.

    `runs` are the latest runs of the workspace on the target. If CloudTrail cannot be read, the drift has a note.
    """
    ids_by_position = {
        position: _list_ids(item, desired)
        for position, item in enumerate(drift.items)
        if is_kind_recorded(item.address.kind)
    }
    search = _Search(call, now, {item for ids in ids_by_position.values() for item in ids})
    try:
        search.run()
    except (AwsError, TargetError) as error:
        return evolve(drift, trail_notes=(_describe_failure(error),))
    items = []
    for position, item in enumerate(drift.items):
        event = search.find_newest(ids_by_position.get(position, ()))
        if event:
            items.append(evolve(item, last_change=_to_last_change(event, now, runs)))
        else:
            reason = search.describe_absence() if ids_by_position.get(position) else _describe_gap(item)
            items.append(evolve(item, unknown_change=reason))
    return evolve(drift, items=tuple(items))


@define
class _Search:
    """The search for the last changes of resources."""

    call: Call
    now: datetime.datetime
    wanted: set[ResourceId]
    events: dict[ResourceId, ChangeEvent] = field(factory=dict)
    searched_since: datetime.datetime | None = None

    def run(self) -> None:
        """Look up the resources by name if they are few, and search for the others."""
        start = self.now - datetime.timedelta(days=DAYS_KEPT)
        if len(self.wanted) <= MAX_NAME_LOOKUPS:
            for _, identity in sorted(self.wanted):
                self._add(read_changes_of(self.call, identity, start, max_events=_EVENTS_PER_NAME))
        for service in sorted({all_kinds()[table].service for table, _ in self._list_missing()}):
            self._search_service(service)

    def find_newest(self, ids: Iterable[ResourceId]) -> ChangeEvent | None:
        """Return the newest event of any of the resources."""
        events = (self.events[item] for item in ids if item in self.events)
        return max(events, key=lambda event: event.time, default=None)

    def describe_absence(self) -> str:
        """Describe that no event of a resource was found."""
        if self.searched_since is None:
            return f"not in the trail of the last {DAYS_KEPT} days (it may be late by some minutes)"
        since = f"{self.searched_since:%Y-%m-%d %H:%M} UTC"
        return f"not in the latest {MAX_SEARCHED_EVENTS:,} events of the trail, which begin at {since}"

    def _list_missing(self) -> set[ResourceId]:
        return self.wanted - self.events.keys()

    def _search_service(self, service: str) -> None:
        budget, end = MAX_SEARCHED_EVENTS, None
        for hours in _WINDOW_HOURS:
            if not any(all_kinds()[table].service == service for table, _ in self._list_missing()):
                return
            start = self.now - datetime.timedelta(hours=hours)
            window = read_window(self.call, service, start, end, max_events=budget)
            self._add(window)
            budget, end = budget - window.read_count, start
            if not window.is_complete or budget <= 0:
                since = window.oldest_time
                self.searched_since = max(since, self.searched_since or since)
                return

    def _add(self, window: ChangeWindow) -> None:
        """Add the newest event of each resource; a resource's first events are the newest."""
        for event in window.events:
            for item in event.resources & self.wanted:
                known = self.events.get(item)
                if known is None or event.time > known.time:
                    self.events[item] = event


def _list_ids(item: DriftedResource, desired: Desired) -> frozenset[ResourceId]:
    """Return the tables and AWS's IDs of what a resource consists of, as far as they are known."""
    table, resource = item.address.kind, desired.get(item.address)
    ids = {(table, item.identity)} if item.identity is not None else set()
    if resource is not None:
        ids |= set(all_kinds()[table].aws_identities(resource, desired))
    return frozenset(ids)


def _to_last_change(event: ChangeEvent, now: datetime.datetime, runs: Sequence[Run]) -> LastChange:
    run = _find_run(event, now, runs) if event.is_from_reconciler else None
    return LastChange(
        event.operation,
        event.time,
        max(0.0, (now - event.time).total_seconds()),
        event.principal,
        event.source,
        event.is_from_reconciler,
        run.id if run else "",
    )


def _find_run(event: ChangeEvent, now: datetime.datetime, runs: Sequence[Run]) -> Run | None:
    """Return the run of this workspace that was running at the time of an event."""
    for run in runs:
        start, end = run.started_at - _RUN_TOLERANCE, (run.ended_at or now) + _RUN_TOLERANCE
        if start <= event.time <= end:
            return run
    return None


def _describe_gap(item: DriftedResource) -> str:
    kind = all_kinds()[item.address.kind]
    if not is_kind_recorded(item.address.kind):
        return f"CloudTrail does not record changes of {make_plural(kind.noun)}"
    return "the trail cannot be searched for it: AWS assigned its ID, which is no longer known"


def _describe_failure(error: AwsError | TargetError) -> str:
    problem = "cannot read the trail, so who changed the resources is not known"
    if isinstance(error, AwsError) and error.code in NO_ACCESS_CODES:
        return (
            f"{problem}: {error.code}; allow cloudtrail:LookupEvents (`reconciler permissions --for drift`)"
        )
    return f"{problem}: {error}"
