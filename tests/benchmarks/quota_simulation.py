"""The duration of a fleet's phases under AWS's default quotas, compared with the possible minimum.

The registry throttles every request above a quota, and the client limits its own rates to the quotas; both use one virtual
clock. The minimum is computed from the quotas and the number of requests.
"""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
from attrs import evolve, frozen
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

LATENCY_SECONDS = 0.02
"""The time that the simulated registry takes for every response."""

REVIEW_SECONDS = 5.0
"""The time between a plan and its apply, in which the plan is reviewed."""
COLUMNS = ("devices", "phase", "plan min s", "plan s", "apply min s", "apply s", "ratio", "throttled")
QUOTAS = load_quotas({})


@frozen
class Simulation:
    """A throttled registry and a client that limits its rates to the quotas, on one virtual clock.

    `calls` counts the requests by service and operation, and `throttled_calls` the throttled ones by operation.
    """

    clock: WaitingClock
    calls: Counter[tuple[str, str]]
    throttled_calls: Counter[str]
    client: Caller

    def __call__(self, call: ApiCall) -> Mapping[str, Any]:
        with self.clock.busy():
            return self.client(call)


def start_simulation() -> Simulation:
    """Create an empty registry in memory and a client of it."""
    clock = WaitingClock()
    return simulate_quotas(Registry(":memory:", RegistrySettings(ACCOUNT, REGION, clock=clock)), clock)


def simulate_quotas(registry: Registry, clock: WaitingClock) -> Simulation:
    """Create a client of a registry, which has the same clock."""
    conditions = Conditions(build_rate_limiter(QUOTAS, clock), lambda: LATENCY_SECONDS)
    core = Session()
    calls: Counter[tuple[str, str]] = Counter()
    throttled_calls: Counter[str] = Counter()
    _limit_and_count(core, clock, calls, throttled_calls)
    bind(core, ConditionedRegistry(registry, conditions, clock.sleep))  # type: ignore[arg-type]
    session = boto3.Session("embedded", "embedded", region_name=REGION, botocore_session=core)
    clients = {name: session.client(name) for name in ("iot", "iot-managed-integrations", "cloudtrail")}
    return Simulation(clock, calls, throttled_calls, Caller(clients))


def _limit_and_count(
    core: Session, clock: WaitingClock, calls: Counter[tuple[str, str]], throttled_calls: Counter[str]
) -> None:
    """Limit the session's rates as `aws.rates.limit_rates` does, but on the virtual clock.

    Its calls and its throttled calls are counted.
    """
    buckets: dict[Bucket, TokenBucket] = {}
    lock = threading.Lock()

    def count_and_wait(event_name: str, **_: Any) -> None:
        _, service, operation = event_name.split(".", 2)
        with lock:
            calls[service, operation] += 1
            call_buckets = [
                buckets.setdefault(bucket, TokenBucket(bucket.rate, clock, clock.sleep))
                for bucket in QUOTAS.find_buckets(service, operation)
            ]
        for bucket in call_buckets:
            bucket.take()

    def count_throttling(event_name: str, response_dict: Mapping[str, Any], **_: Any) -> None:
        if response_dict["headers"].get("x-amzn-ErrorType") == "ThrottlingException":
            with lock:
                throttled_calls[event_name.rpartition(".")[2]] += 1

    core.register("before-send", count_and_wait)
    core.register("before-parse", count_throttling)


def simulate(devices: int) -> Iterator[tuple[str, ...]]:
    """Yield a table row for each phase: the shortest times and the measured ones, in virtual seconds."""
    simulation = start_simulation()
    with tempfile.TemporaryDirectory(prefix="reconciler-quotas-") as temporary:
        folder = Path(temporary) / "fleet"
        fleet.write_files(folder, devices)
        unused_url = "http://127.0.0.1:1"  # the client calls the registry without HTTP
        fleet.write_desired_state(folder, unused_url)
        for phase in ("create", "no-op", "change 1 %", "destroy"):
            fleet.write_manifest(folder, devices, changed=phase in {"change 1 %", "destroy"})
            yield _simulate_phase(simulation, folder, devices, phase)


def _simulate_phase(simulation: Simulation, folder: Path, devices: int, phase: str) -> tuple[str, ...]:
    """Plan and apply one phase, and return its table row. Raises SystemExit unless every step is applied."""
    clock = simulation.clock
    simulation.calls.clear()
    simulation.throttled_calls.clear()
    started_at = clock()
    plan = make_plan(
        load(folder / "desired_state.toml", constraints=ServiceModelConstraints(), environ={}),
        PlanOptions(destroy=phase == "destroy"),
        target=evolve(
            TARGET, endpoint="aws"
        ),  # with a registry on this machine, re-reads would list more pages
        call=simulation,
        quotas=QUOTAS,
        progress=lambda *_: None,
    )
    plan_seconds = clock() - started_at
    min_plan_seconds = QUOTAS.estimate(simulation.calls).seconds
    clock.sleep(REVIEW_SECONDS)  # meanwhile, the token buckets fill again
    started_at = clock()
    outcomes = apply_plan(plan, simulation, stop=threading.Event(), pause=clock.sleep)
    statuses = {outcome.status for outcome in outcomes}
    apply_seconds = clock() - started_at
    if statuses - {"started", "applied"}:
        raise SystemExit(f"{phase}: expected every step to be applied; got {statuses}")
    min_apply_seconds = plan.estimate.seconds
    min_seconds = min_plan_seconds + min_apply_seconds
    seconds = (min_plan_seconds, plan_seconds, min_apply_seconds, apply_seconds)
    ratio = f"{(plan_seconds + apply_seconds) / min_seconds:.2f}" if min_seconds else ""
    throttled_count = sum(simulation.throttled_calls.values())
    return (f"{devices:,}", phase, *(f"{value:.1f}" for value in seconds), ratio, f"{throttled_count}")
