"""Forget the things that an apply writes to, and remember none of them until it has ended."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from reconciler.engine.ownership.stored_lease import LeaseGroup, read_group
from reconciler.engine.remembered.cache import CacheError, ReadingCache
from reconciler.engine.remembered.feed import must_be_delivered
from reconciler.engine.remembered.preparation import LEASE_SINCE, LEASE_UNTIL
from reconciler.engine.remembered.shared import SharedReadings
from reconciler.model.call import Call
from reconciler.model.errors import AwsError, JournalError, TargetError
from reconciler.model.plan import Plan, Step


@contextlib.contextmanager
def forget_written_things(
    open_cache: Callable[[], ReadingCache], shared: SharedReadings | None, plan: Plan, call: Call
) -> Iterator[None]:
    """Forget the things that a plan writes to, for the time of its run, which holds the lease.

    The machines that share readings forget them, too; if the shared place cannot be used, the run's record there fails as well, which the
    run reports. At the end, the time of the lease is kept, so that the change feed can be tested with its writes. A cache that cannot be written is
    deleted. It is opened twice, because others may delete it during the run.
    """
    names = _list_written_things(plan)
    group = _read_group(plan.workspace, call)
    start = group.now.timestamp() if group else time.time()

    def begin(cache: ReadingCache) -> None:
        cache.begin_writes(names)
        _share_writes(cache, shared, names, start, None)

    def end(cache: ReadingCache) -> None:
        ended_group = _read_group(plan.workspace, call)
        if group and ended_group:  # else the next plan finds that no run holds the lease
            end_time = ended_group.now.timestamp()
            cache.end_writes(names, end_time)
            _share_writes(cache, shared, names, start, end_time)
            _keep_lease_time(cache, group, ended_group)

    _change_cache(open_cache, begin)
    try:
        yield
    finally:
        _change_cache(open_cache, end)


def _change_cache(open_cache: Callable[[], ReadingCache], change: Callable[[ReadingCache], None]) -> None:
    """Change the cache; one that cannot be changed is deleted."""
    with contextlib.closing(open_cache()) as cache:
        try:
            change(cache)
        except CacheError:
            cache.delete()


def _share_writes(
    cache: ReadingCache, shared: SharedReadings | None, names: set[str], start: float, end: float | None
) -> None:
    if shared and names:
        with contextlib.suppress(JournalError):
            shared.push_writes(cache, names, start, end)


def _keep_lease_time(cache: ReadingCache, group: LeaseGroup, ended_group: LeaseGroup) -> None:
    """Keep when the lease was held, unless an earlier run is still waiting for its test of the feed.

    A plan before this run has tested the feed with a run that does not wait: it failed, and may not fail again.
    """
    earlier_until, now = cache.read_time(LEASE_UNTIL), ended_group.now.timestamp()
    if earlier_until is not None and not must_be_delivered(earlier_until, group.now.timestamp()):
        return
    lease = group.parse_stored_lease()
    since = lease.since if lease else group.now
    cache.write_times(**{LEASE_SINCE: since.timestamp(), LEASE_UNTIL: now})


def _read_group(workspace: str, call: Call) -> LeaseGroup | None:
    try:
        return read_group(workspace, call)
    except (AwsError, TargetError):
        return None


def _list_written_things(plan: Plan) -> set[str]:
    return {name for step in plan.steps for name in _iterate_names(step)}


def _iterate_names(step: Step) -> Iterator[str]:
    """Yield the names of the things whose edges a step may change."""
    for call in step.calls:
        name = call.params.get("thingName")
        if isinstance(name, str):
            yield name
    resources = (getattr(step.change, name, None) for name in ("resource", "live"))
    for resource in (*resources, *step.also_modifies.values()):
        name = getattr(resource.spec, "thing_name", None) if resource else None
        if name:
            yield name
