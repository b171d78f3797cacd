"""The same fleet under AWS's default quotas: the registry refuses what is over them, and we wait for our own buckets, all
in virtual time. What it takes is compared with the least that the quotas allow for the calls that were made.
"""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
from attrs import frozen
from botocore.session import Session

from reconciler.aws.caller import Caller
from reconciler.aws.embedded import bind
from reconciler.aws.quotas import load_quotas
from reconciler.aws.rates import TokenBucket
from reconciler.aws.serve import build_rate_limiter
from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.apply.executor import apply_plan
from reconciler.engine.load.load import load
from reconciler.engine.plan.planner import make_plan
from reconciler.model.call import ApiCall
from reconciler.model.plan_options import PlanOptions
from reconciler.model.quota import Bucket
from reconciler.registry import Registry, RegistrySettings
from reconciler.registry.conditions import Conditions
from tests.benchmarks import fleet
from tests.support.conditioned_registry import ConditionedRegistry
from tests.support.registry_client import ACCOUNT, REGION, TARGET
from tests.support.waiting_clock import WaitingClock

LATENCY = 0.02
COLUMNS = ("devices", "phase", "least s", "plan's s", "apply's least s", "apply's s", "ratio", "throttled")
QUOTAS = load_quotas({})


@frozen
class Simulated:
    """A registry under AWS's quotas, and a client of it that keeps them, with one virtual clock for both."""

    clock: WaitingClock
    calls: Counter[tuple[str, str]]
    throttled: Counter[str]
    client: Caller

    def __call__(self, call: ApiCall) -> Mapping[str, Any]:
        with self.clock.busy():
            return self.client(call)


def simulated(path: str | Path = ":memory:") -> Simulated:
    """A new registry, 20 ms away."""
    clock = WaitingClock()
    registry = Registry(path, RegistrySettings(ACCOUNT, REGION, clock=clock))
    conditions = Conditions(build_rate_limiter(QUOTAS, clock), lambda: LATENCY)
    core = Session()
    calls: Counter[tuple[str, str]] = Counter()
    throttled: Counter[str] = Counter()
    _pace(core, clock, calls, throttled)
    bind(core, ConditionedRegistry(registry, conditions, clock.sleep))  # type: ignore[arg-type]
    session = boto3.Session("embedded", "embedded", region_name=REGION, botocore_session=core)
    clients = {name: session.client(name) for name in ("iot", "iot-managed-integrations")}
    return Simulated(clock, calls, throttled, Caller(clients))


def _pace(
    core: Session, clock: WaitingClock, calls: Counter[tuple[str, str]], throttled: Counter[str]
) -> None:
    """As `aws.rates.limit` does it, on the virtual clock, and counted."""
    buckets: dict[Bucket, TokenBucket] = {}
    lock = threading.Lock()

    def wait(event_name: str, **_: Any) -> None:
        _, service, operation = event_name.split(".", 2)
        with lock:
            calls[service, operation] += 1
            drawn = [
                buckets.setdefault(bucket, TokenBucket(bucket.rate, clock, clock.sleep))
                for bucket in QUOTAS.find_buckets(service, operation)
            ]
        for bucket in drawn:
            bucket.take()

    def heed(event_name: str, response_dict: Mapping[str, Any], **_: Any) -> None:
        if response_dict["headers"].get("x-amzn-ErrorType") == "ThrottlingException":
            with lock:
                throttled[event_name.rpartition(".")[2]] += 1

    core.register("before-send", wait)
    core.register("before-parse", heed)


def rows(devices: int) -> Iterator[tuple[str, ...]]:
    """A row a phase: what the quotas allow at the least, and what planning and applying took, in virtual seconds."""
    cloud = simulated()
    with tempfile.TemporaryDirectory(prefix="reconciler-bound-") as temporary:
        folder = Path(temporary) / "fleet"
        fleet.write(folder, devices)
        fleet.point(folder, "http://127.0.0.1:1")
        for phase in ("create", "no-op", "change 1 %", "destroy"):
            fleet.write_devices(folder, devices, changed=phase in {"change 1 %", "destroy"})
            yield _phase(cloud, folder, devices, phase)


def _phase(cloud: Simulated, folder: Path, devices: int, phase: str) -> tuple[str, ...]:
    begun = cloud.clock()
    cloud.calls.clear()
    cloud.throttled.clear()
    plan = make_plan(
        load(folder / "desired_state.toml", limits=ServiceModelConstraints(), environ={}),
        PlanOptions(destroy=phase == "destroy"),
        target=TARGET,
        call=cloud,
        quotas=QUOTAS,
        progress=lambda *_: None,
    )
    planned = cloud.clock() - begun
    reading = QUOTAS.estimate(cloud.calls).seconds
    cloud.clock.sleep(5.0)  # somebody reads the plan, and the buckets fill again
    begun = cloud.clock()
    words = [
        found.status for found in apply_plan(plan, cloud, stop=threading.Event(), pause=cloud.clock.sleep)
    ]
    applied = cloud.clock() - begun
    if set(words) - {"started", "applied"}:
        raise SystemExit(f"{phase}: {set(words)}")
    least = plan.estimate.seconds
    ratio = f"{(planned + applied) / (reading + least):.2f}" if reading + least else ""
    return (
        *(f"{devices:,}", phase, f"{reading:.1f}", f"{planned:.1f}", f"{least:.1f}", f"{applied:.1f}"),
        *(ratio, f"{sum(cloud.throttled.values())}"),
    )
