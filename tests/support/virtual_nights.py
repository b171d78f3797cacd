"""A fleet whose edges others edit by day, and which a plan with remembered edges repairs every night.

The truth is read from the registry's file, so that it depends neither on a plan nor on a cache.
"""

from __future__ import annotations

import csv
import hashlib
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from attrs import define, evolve, field, frozen
from botocore.exceptions import ClientError

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.apply.executor import apply_plan
from reconciler.engine.load.load import load
from reconciler.engine.ownership.lease import hold_lease
from reconciler.engine.plan.planner import make_plan
from reconciler.engine.remembered.cache import CacheScope, ReadingCache
from reconciler.engine.remembered.edges import RememberedEdges
from reconciler.engine.remembered.own_writes import forget_written_things
from reconciler.kinds.shared.edges import compute_desired_digests, count_things, has_certificates
from reconciler.model.call import ApiCall, Call
from reconciler.model.edge_readings import RememberedSettings
from reconciler.model.plan import Plan
from reconciler.model.plan_options import PlanOptions
from reconciler.model.run import ProcessIdentity
from reconciler.model.settings import DesiredState
from reconciler.registry import Registry
from tests.benchmarks.registry_copies import copy_device
from tests.support.desired_states import AUTHORITIES, QUOTAS, list_failures
from tests.support.pki import compute_certificate_id
from tests.support.registry_client import ACCOUNT, REGION, SETTINGS, TARGET, Cloud

WORKSPACE = "nights"
DAY = 86_400.0
MAX_LAG_SECONDS = 900.0
LOSS = 0.01
"""The share of the events that CloudTrail never delivers."""

CALLS_PER_SECOND = float(min(bucket.rate for bucket in QUOTAS.find_buckets("iot", "ListThingPrincipalsV2")))
ARN_PREFIX = f"arn:aws:iot:{REGION}:{ACCOUNT}:cert/"
DESIRED_STATE = f"""\
[workspace]
name = "{WORKSPACE}"

[things."{{name}}"]
for_each = {{ file = "devices.csv" }}
certificates = [{{ id = "{{fingerprint}}" }}]
"""
_DATABASE = "registry.sqlite3"
_LEASE_SECONDS = 3600.0
"""So long that no lease is renewed in real time: a renewal would be a further event."""


@frozen
class Edit:
    """An edit of a thing's edges: its time, and when its event is delivered; None if it is lost."""

    thing: str
    time: float
    delivered_at: float | None


@frozen(kw_only=True)
class Night:
    """The results of one night.

    - `edits`: the edits since the night before, and `lost_events` how many of them have no event;
    - `found_things`: the things that the plan changes;
    - `missed`: the things that the plan does not change although an event names them, or their edit is older than `max_age`;
    - `wrong`: the things that the plan changes although they match the file;
    - `lost_ages`: for each found thing without a delivered event, the seconds since its first edit;
    - `unseen`: the number of things whose lost edits are still unseen;
    - `edge_reads`: the calls that read the edges of one thing, and `expected_reads` those that are explained: the scrub's, and those
      of the things that others edited or the night before changed;
    - `failures`: the steps that were not applied;
    - `unrepaired`: the things that differ after the apply although the plan changes them, or only since the apply;
    - `plan_seconds` and `apply_seconds`: the durations by the registry's clock.
    """

    edits: int
    lost_events: int
    found_things: frozenset[str]
    missed: frozenset[str]
    wrong: frozenset[str]
    lost_ages: tuple[float, ...]
    unseen: int
    edge_reads: int
    expected_reads: int
    failures: tuple[str, ...]
    unrepaired: frozenset[str]
    plan_seconds: float
    apply_seconds: float


@define
class NightFleet:
    """Devices in a registry in a file, and the cache of their readings, in one folder.

    - `cloud`: sends the edits of others, without limits;
    - `call`: sends the calls of plans and applies;
    - `clock` and `pause`: the registry's time, and how to wait.
    """

    folder: Path
    cloud: Cloud
    call: Call
    clock: Callable[[], float]
    pause: Callable[[float], None]
    settings: RememberedSettings
    desired: DesiredState
    names: Sequence[str]
    random: Random = field(factory=lambda: Random(17))
    sent: list[ApiCall] = field(factory=list, init=False)
    """The calls of the last plan and apply."""
    _truth: sqlite3.Connection = field(init=False)
    _unrepaired: dict[str, list[Edit]] = field(factory=dict, init=False)
    _written: frozenset[str] = field(default=frozenset(), init=False)

    def __attrs_post_init__(self) -> None:
        self._truth = sqlite3.connect(self.folder / _DATABASE)

    def close(self) -> None:
        """Close the registry."""
        self._truth.close()
        self.cloud.registry.close()

    def add_copies(self, count: int) -> None:
        """Add copies of the first device, which was applied and read, to the file, the registry and the cache.

        The readings of the copies are as old as that of the first device.
        """
        numbers = range(1, count)
        first, *copies = [(build_name(number), compute_fingerprint(number)) for number in (0, *numbers)]
        copy_device(self.folder / _DATABASE, (*first, ""), ((*copy, "") for copy in copies))
        self.desired = load_fleet(self.folder, count)
        self.names = [name for name, _ in (first, *copies)]
        with closing(self.open_cache()) as readings:
            copy_reading(readings, self.desired, first, copies)

    def spread_readings(self, nights: int) -> None:
        """Make the readings as old as after many nights: a share of them in each of the last nights.

        The fleet must not have been edited since the first reading.
        """
        with closing(self.open_cache()) as readings:
            readings.store(
                reading._replace(read_at=reading.read_at + DAY * (number % nights))
                for number, reading in enumerate([*readings.iterate_things()])
            )

    def remember_truth(self) -> None:
        """Take the edges in the registry as those that the file gives the things."""
        self._truth.execute("CREATE TEMP TABLE expected AS SELECT thing, principal FROM principal_edges")

    # ── by day ────────────────────────────────────────────────────────────────────────────────────

    def edit_for_a_day(self, edits: int) -> list[Edit]:
        """Attach, detach and move certificates by hand at random times, and return the accepted edits."""
        started_at = self.clock()
        accepted: list[Edit] = []
        for moment in sorted(self.random.uniform(0, DAY) for _ in range(edits)):
            self.pause(started_at + moment - self.clock())
            accepted += self._edit_by_hand()
        self.pause(started_at + DAY - self.clock())
        for edit in accepted:
            self._unrepaired.setdefault(edit.thing, []).append(edit)
        return accepted

    def _edit_by_hand(self) -> Iterator[Edit]:
        action = self.random.choice(("attach", "detach", "move"))
        source, target = self.random.sample(range(len(self.names)), 2)
        certificate = ARN_PREFIX + compute_fingerprint(source)
        if action != "attach":
            yield from self._write("detach_thing_principal", self.names[source], certificate)
        if action != "detach":
            yield from self._write("attach_thing_principal", self.names[target], certificate)

    def _write(self, operation: str, thing: str, principal: str) -> Iterator[Edit]:
        """Send a write, and yield its edit; nothing if the registry rejects it, such as a second detachment."""
        last_event = self._find_last_event()[0]
        with suppress(ClientError):
            getattr(self.cloud.iot, operation)(thingName=thing, principal=principal)
            event, delivered_at = self._find_last_event()
            yield Edit(thing, self.clock(), delivered_at if event != last_event else None)

    def _find_last_event(self) -> tuple[int, float]:
        statement = "SELECT id, delivered_at FROM trail_events ORDER BY id DESC LIMIT 1"
        event: tuple[int, float] = self._truth.execute(statement).fetchone() or (0, 0.0)
        return event

    # ── by night ──────────────────────────────────────────────────────────────────────────────────

    def plan_and_apply(self, edits: Sequence[Edit]) -> Night:
        """Plan, compare the plan with the truth, and apply it."""
        planned_at, differing = self.clock(), self.list_differing_things()
        self._unrepaired = {name: self._unrepaired[name] for name in self._unrepaired.keys() & differing}
        self.sent.clear()
        plan = self.plan()
        edge_reads = sum(call.operation == "ListThingPrincipalsV2" for call in self.sent)
        found_things = frozenset(step.address.name for step in plan.steps)
        due = {name for name in self._unrepaired if self._is_due(name, planned_at)}
        lost = [name for name in found_things & self._unrepaired.keys() if self._is_lost(name, planned_at)]
        explained = {edit.thing for edit in edits} | self._written | due
        applied_at = self.clock()
        failures = self.apply(plan)
        ended_at = self.clock()
        self._written = found_things
        return Night(
            edits=len(edits),
            lost_events=sum(edit.delivered_at is None for edit in edits),
            found_things=found_things,
            missed=frozenset(due - found_things),
            wrong=frozenset(found_things - differing),
            lost_ages=tuple(planned_at - self._unrepaired[name][0].time for name in lost),
            unseen=len(differing - found_things),
            edge_reads=edge_reads,
            expected_reads=int(self.settings.scrub_seconds * CALLS_PER_SECOND) + len(explained),
            failures=tuple(failures),
            unrepaired=frozenset(self.list_differing_things() ^ (differing - found_things)),
            plan_seconds=applied_at - planned_at,
            apply_seconds=ended_at - applied_at,
        )

    def list_differing_things(self) -> set[str]:
        """Return the things whose certificates are not those of the file."""
        edges = "SELECT thing, principal FROM principal_edges WHERE gone_at IS NULL"
        statement = (
            f"SELECT thing FROM ({edges} EXCEPT SELECT * FROM expected)"
            f" UNION SELECT thing FROM (SELECT * FROM expected EXCEPT {edges})"
        )
        return {name for (name,) in self._truth.execute(statement)}

    def plan(self) -> Plan:
        """Return a plan that reads the edges that may have changed."""
        with closing(self.open_cache()) as readings:
            digests = compute_desired_digests(self.desired.resources)
            return make_plan(
                self.desired,
                PlanOptions(),
                target=TARGET,
                call=self._send,
                quotas=QUOTAS,
                progress=lambda *_: None,
                remembered=RememberedEdges(
                    readings,
                    self.settings,
                    WORKSPACE,
                    self._send,
                    digests,
                    CALLS_PER_SECOND,
                    count_things(self.desired.resources),
                    uses_certificates=has_certificates(self.desired.resources),
                ),
            )

    def apply(self, plan: Plan) -> list[str]:
        """Apply a plan with one worker, so that its events have one order, and return the failures."""
        if not plan:
            return []
        process = ProcessIdentity("nights", "here", 1)
        with (
            hold_lease(WORKSPACE, self._send, process, seconds=_LEASE_SECONDS) as guard,
            forget_written_things(self.open_cache, None, plan, self._send),
        ):
            outcomes = apply_plan(
                plan, self._send, stop=threading.Event(), guard=guard, workers=1, pause=self.pause
            )
            return list_failures([*outcomes])

    def open_cache(self) -> ReadingCache:
        """Open the cache of the readings."""
        return ReadingCache(self.folder / "readings", CacheScope(WORKSPACE, TARGET))

    def _send(self, call: ApiCall) -> Mapping[str, Any]:
        self.sent.append(call)
        return self.call(call)

    def _is_due(self, name: str, now: float) -> bool:
        """Return whether a plan must find that a thing differs."""
        first_edit = self._unrepaired[name][0]
        return not self._is_lost(name, now) or now - first_edit.time > self.settings.max_age_seconds

    def _is_lost(self, name: str, now: float) -> bool:
        """Return whether no event of a thing's edits was delivered yet."""
        edits = self._unrepaired[name]
        return not any(edit.delivered_at is not None and edit.delivered_at <= now for edit in edits)


def build_name(number: int) -> str:
    """Return the name of a device."""
    return f"pump-{number:07}"


@cache
def issue_first_certificate() -> str:
    return AUTHORITIES["alpha"].get_device_pem(WORKSPACE)


def compute_fingerprint(number: int) -> str:
    """Return the ID of a device's certificate; only that of the first device is of a real certificate."""
    if number == 0:
        return compute_certificate_id(issue_first_certificate())
    return hashlib.sha256(f"{number}".encode()).hexdigest()


def copy_reading(
    readings: ReadingCache, desired: DesiredState, first: tuple[str, str], copies: Iterable[tuple[str, str]]
) -> None:
    """Store the reading of the first thing for all others, too, given each thing's name and certificate."""
    digests = compute_desired_digests(desired.resources)
    reading = readings.find(first[0])
    assert reading
    readings.store(
        reading._replace(
            name=name,
            desired_digest=digests[name],
            principals=reading.principals.replace(first[1].encode(), fingerprint.encode()),
        )
        for name, fingerprint in copies
    )


def load_fleet(folder: Path, devices: int) -> DesiredState:
    """Write the files of a fleet, and load them."""
    (folder / "desired_state.toml").write_text(DESIRED_STATE)
    write_manifest(folder, devices)
    return load(folder / "desired_state.toml", constraints=ServiceModelConstraints(), environ={})


def write_manifest(folder: Path, devices: int) -> None:
    """Write the devices of a fleet."""
    with (folder / "devices.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("name", "fingerprint"))
        writer.writerows((build_name(number), compute_fingerprint(number)) for number in range(devices))


def start_cloud(folder: Path, clock: Callable[[], float], seed: int) -> Cloud:
    """Create a registry whose events are lost or late, with the first device's certificate."""
    cloud = Cloud()
    cloud.registry.close()
    cloud.registry = Registry(
        folder / _DATABASE,
        evolve(
            SETTINGS,
            clock=clock,
            trail_lag_seconds=(0.0, MAX_LAG_SECONDS),
            trail_loss=LOSS,
            trail_seed=seed,
        ),
    )
    cloud.iot.register_certificate_without_ca(certificatePem=issue_first_certificate(), status="ACTIVE")
    return cloud


def start_fleet(
    cloud: Cloud,
    folder: Path,
    devices: int,
    settings: RememberedSettings,
    *,
    call: Call,
    clock: Callable[[], float],
    pause: Callable[[float], None],
) -> NightFleet:
    """Return a fleet that matches the file, and whose edges were all read at one time."""
    desired = load_fleet(folder, 1)
    fleet = NightFleet(folder, cloud, call, clock, pause, settings, desired, [build_name(0)])
    failures = fleet.apply(fleet.plan())
    assert failures == []
    pause(DAY)
    assert not fleet.plan()
    fleet.add_copies(devices)
    fleet.remember_truth()
    return fleet
