"""A small fleet whose edges are remembered, on a registry with a clock that the tests move."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from reconciler.engine.journal.run_store import FolderStore
from reconciler.engine.plan.planner import make_plan
from reconciler.engine.remembered.cache import CacheScope, ReadingCache
from reconciler.engine.remembered.edges import RememberedEdges
from reconciler.engine.remembered.shared import SharedReadings
from reconciler.kinds.shared.edges import compute_desired_digests, count_things, has_certificates
from reconciler.model.call import ApiCall
from reconciler.model.edge_readings import RememberedSettings
from reconciler.model.plan import Plan
from reconciler.model.plan_options import PlanOptions
from reconciler.model.settings import DesiredState
from reconciler.registry import Registry
from tests.support.desired_states import QUOTAS
from tests.support.direct_client import ManualClock
from tests.support.registry_client import SETTINGS, TARGET, Cloud

WORKSPACE = "ws"
HOUR, DAY = 3600.0, 86400.0
NO_SCRUB = RememberedSettings(scrub="0s")


@define
class RememberedFleet:
    """A registry in a file and the cache of its readings, in one folder.

    `machine` is the folder of the cache of one machine, and `store` the place that machines share. `lost_events` are the IDs of events that CloudTrail never delivers; `sent` are the calls that were sent.
    """

    cloud: Cloud
    folder: Path
    clock: ManualClock = field(factory=ManualClock)
    lost_events: set[str] = field(factory=set)
    sent: list[ApiCall] = field(factory=list)
    settings: RememberedSettings = NO_SCRUB
    rate: float = 20.0
    machine: str = "readings"
    store: FolderStore | None = None

    def open(self) -> RememberedFleet:
        """Open the registry; the clients of `cloud` then call it."""
        self.cloud.registry.close()
        self.cloud.registry = Registry(self.folder / "registry.sqlite3", evolve(SETTINGS, clock=self.clock))
        return self

    def copy_from(self, other: RememberedFleet) -> RememberedFleet:
        """Replace the files with those of another fleet, and open the registry."""
        self.cloud.registry.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(other.folder, self.folder)
        self.clock.now = other.clock.now
        self.lost_events = set(other.lost_events)
        return self.open()

    def call(self, call: ApiCall) -> Mapping[str, Any]:
        """Send a call, and leave out the lost events of a response. Thread-safe."""
        self.sent.append(call)
        response = self.cloud.call(call)
        if call.operation != "LookupEvents":
            return response
        events = [event for event in response["Events"] if event["EventId"] not in self.lost_events]
        return {**response, "Events": events}

    def list_events(self) -> set[str]:
        """Return the IDs of all events."""
        return {
            event["EventId"] for event in self.cloud.call(ApiCall("cloudtrail", "LookupEvents"))["Events"]
        }

    def open_cache(self) -> ReadingCache:
        """Open the cache of the readings."""
        return ReadingCache(self.folder / self.machine, CacheScope(WORKSPACE, TARGET))

    def open_shared(self) -> SharedReadings | None:
        """Open the readings that machines share, as a run does."""
        max_age = self.settings.max_age_seconds
        return SharedReadings(self.store, CacheScope(WORKSPACE, TARGET), max_age) if self.store else None

    def remember(self, desired: DesiredState, cache: ReadingCache) -> RememberedEdges:
        """Return the remembered edges for one plan."""
        return RememberedEdges(
            cache,
            self.settings,
            WORKSPACE,
            self.call,
            compute_desired_digests(desired.resources),
            self.rate,
            count_things(desired.resources),
            self.open_shared(),
            uses_certificates=has_certificates(desired.resources),
        )

    def plan(self, desired: DesiredState, *, read: str = "changed", **options: Any) -> Plan:
        """Return a plan that reads all edges, or those that may have changed."""
        cache = self.open_cache()
        try:
            return make_plan(
                desired,
                PlanOptions(**options),
                target=TARGET,
                call=self.call,
                quotas=QUOTAS,
                progress=lambda *_: None,
                remembered=self.remember(desired, cache) if read == "changed" else None,
            )
        finally:
            cache.close()

    def list_edge_reads(self) -> list[str]:
        """Return the names of the things whose edges were read, and begin to count again."""
        names = sorted(
            call.params["thingName"] for call in self.sent if call.operation == "ListThingPrincipalsV2"
        )
        self.sent.clear()
        return names
