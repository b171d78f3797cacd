"""Opens the embedded registry to AWS's own clients: on a loopback port, under whatever conditions are asked for."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING

from attrs import frozen

from reconciler.aws.session import EMBEDDED_ACCOUNT
from reconciler.model.errors import TargetError
from reconciler.model.quota import Quotas

if TYPE_CHECKING:
    from reconciler.registry.clock import VirtualClock
    from reconciler.registry.conditions import Conditions
    from reconciler.registry.endpoint import Registry
    from reconciler.registry.throttling import RateLimiter

DEFAULT_PORT = 4577
IN_MEMORY = ":memory:"


@frozen
class ServeOptions:
    """How the registry is served. Durations are seconds; `latency` is written as `registry.latency` reads it.

    `db` is a file or IN_MEMORY, `faults` a file of rules, `buckets` a folder that stands for S3. With `quotas`, calls
    over these rates are refused as AWS refuses them.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    db: str = IN_MEMORY
    region: str = "eu-west-1"
    quotas: Quotas | None = None
    latency: str | None = None
    faults: Path | None = None
    buckets: Path | None = None
    virtual_time: bool = False
    detach_lag: float = 0.0
    thing_type_deletion: float = 300.0
    managed_thing_deletion: float = 0.0
    registration_task: float = 0.0


def serve(serving: ServeOptions, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` hears the URL as soon as clients may come.

    Raises TargetError when the address is not this machine's own or is taken, when the database cannot be used, or when
    the latency or the faults are not as they should be.
    """
    from reconciler.registry.clock import VirtualClock
    from reconciler.registry.server import RegistryApp, run

    clock = VirtualClock() if serving.virtual_time else None
    conditions = _conditions(serving, clock)
    registry = _registry(serving, clock)
    try:
        with _listening(serving) as opened:
            run(opened, RegistryApp(registry, conditions, clock), ready)
    finally:
        registry.close()


def _conditions(serving: ServeOptions, clock: VirtualClock | None) -> Conditions:
    from reconciler.aws.fault_rules import load_faults
    from reconciler.registry.conditions import Conditions
    from reconciler.registry.latency import parse_latency

    limits = rate_limiter(serving.quotas, clock or time.monotonic) if serving.quotas else None
    try:
        drawn = parse_latency(serving.latency) if serving.latency else None
    except ValueError as error:
        raise TargetError(str(error)) from error
    return Conditions(limits, drawn, load_faults(serving.faults) if serving.faults else None)


def rate_limiter(quotas: Quotas, clock: Callable[[], float]) -> RateLimiter:
    """The registry's own buckets at these rates."""
    from reconciler.registry.throttling import RateLimiter

    @cache
    def buckets(service: str, operation: str) -> tuple[tuple[str, str, float], ...]:
        return tuple(
            (found.service, found.name, found.rate) for found in quotas.find_buckets(service, operation)
        )

    return RateLimiter(buckets, clock)


def _registry(serving: ServeOptions, clock: VirtualClock | None) -> Registry:
    from reconciler.registry import Registry, RegistrySettings
    from reconciler.registry.store import StoreError

    settings = RegistrySettings(
        account=EMBEDDED_ACCOUNT,
        region=serving.region,
        clock=clock or time.time,
        detach_lag_seconds=serving.detach_lag,
        thing_type_deletion_seconds=serving.thing_type_deletion,
        managed_thing_deletion_seconds=serving.managed_thing_deletion,
        registration_task_seconds=serving.registration_task,
        buckets=serving.buckets,
    )
    try:
        return Registry(serving.db, settings)
    except (StoreError, OSError) as error:
        raise TargetError(f"the database cannot be used: {error}") from error


def _listening(serving: ServeOptions) -> socket:
    from reconciler.registry.server import NotLoopbackError, listen

    try:
        return listen(serving.host, serving.port)
    except NotLoopbackError as error:
        raise TargetError(
            f"{error}; the registry asks nobody who they are, so only this machine may reach it"
        ) from error
    except OSError as error:
        where = f"{serving.host}:{serving.port}"
        way_out = "; --port 0 takes any free port" if error.errno == errno.EADDRINUSE else ""
        raise TargetError(f"cannot listen on {where}: {error.strerror}{way_out}") from error
