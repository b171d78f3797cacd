"""Serve the embedded registry on a loopback port, optionally with throttling, latency and faults."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING

from reconciler.aws.session import EMBEDDED_ACCOUNT
from reconciler.frozen_classes import frozen
from reconciler.model.distribution import require_extra
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
    """How the registry is served.

    `db` is a file or IN_MEMORY, `faults` a file of rules, and `buckets` a folder that replaces S3. If `quotas` are set, calls
    above their rates are throttled as AWS throttles them. With `virtual_time`, waiting moves a clock instead of taking time.
    `registry.latency` documents the format of `latency`, and `RegistrySettings` the last ten fields.
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
    detach_lag_seconds: float = 0.0
    thing_type_deletion_seconds: float = 300.0
    managed_thing_deletion_seconds: float = 0.0
    registration_task_seconds: float = 0.0
    topic_rule_destination_seconds: float = 0.0
    encryption_update_seconds: float = 0.0
    trail: bool = True
    trail_lag_seconds: tuple[float, float] = (0.0, 0.0)
    trail_loss: float = 0.0
    trail_resources: bool = True


def serve_registry(options: ServeOptions, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `on_ready` is called with the URL once clients can connect.

    Raises TargetError when the address is in use or is not a loopback address, when the database is not usable, or when the
    latency or the fault rules are invalid. Raises MissingExtraError if the HTTP server is not installed, and OSError if the file of
    fault rules cannot be read.
    """
    from reconciler.registry.clock import VirtualClock

    with require_extra("registry serve"):
        from reconciler.registry.server import RegistryApp, run

    clock = VirtualClock() if options.virtual_time else None
    conditions = _build_conditions(options, clock)
    registry = _open_registry(options, clock)
    try:
        with _listen(options) as listener:
            run(listener, RegistryApp(registry, conditions, clock), on_ready)
    finally:
        registry.close()


def _build_conditions(options: ServeOptions, clock: VirtualClock | None) -> Conditions:
    from reconciler.aws.fault_rules import load_faults
    from reconciler.registry.conditions import Conditions
    from reconciler.registry.latency import parse_latency

    rate_limiter = build_rate_limiter(options.quotas, clock or time.monotonic) if options.quotas else None
    try:
        latency = parse_latency(options.latency) if options.latency else None
    except ValueError as error:
        raise TargetError(str(error)) from error
    return Conditions(rate_limiter, latency, load_faults(options.faults) if options.faults else None)


def build_rate_limiter(quotas: Quotas, clock: Callable[[], float]) -> RateLimiter:
    """Return the rate limiter that throttles the registry's calls above the quotas' rates."""
    from reconciler.registry.throttling import RateLimiter

    @cache
    def find_buckets(service: str, operation: str) -> tuple[tuple[str, str, float], ...]:
        return tuple(
            (bucket.service, bucket.name, bucket.rate) for bucket in quotas.find_buckets(service, operation)
        )

    return RateLimiter(find_buckets, clock)


def _open_registry(options: ServeOptions, clock: VirtualClock | None) -> Registry:
    from reconciler.registry import Registry, RegistrySettings
    from reconciler.registry.store import StoreError

    settings = RegistrySettings(
        account=EMBEDDED_ACCOUNT,
        region=options.region,
        clock=clock or time.time,
        detach_lag_seconds=options.detach_lag_seconds,
        thing_type_deletion_seconds=options.thing_type_deletion_seconds,
        managed_thing_deletion_seconds=options.managed_thing_deletion_seconds,
        registration_task_seconds=options.registration_task_seconds,
        topic_rule_destination_seconds=options.topic_rule_destination_seconds,
        encryption_update_seconds=options.encryption_update_seconds,
        buckets=options.buckets,
        has_trail=options.trail,
        trail_lag_seconds=options.trail_lag_seconds,
        trail_loss=options.trail_loss,
        trail_names_resources=options.trail_resources,
    )
    try:
        return Registry(options.db, settings)
    except (StoreError, OSError) as error:
        raise TargetError(f"the database is not usable: {error}") from error


def _listen(options: ServeOptions) -> socket:
    from reconciler.registry.server import NotLoopbackError, open_listener

    try:
        return open_listener(options.host, options.port)
    except NotLoopbackError as error:
        raise TargetError(
            f"{error}; the registry checks no credentials, so only this machine may reach it"
        ) from error
    except OSError as error:
        address = f"{options.host}:{options.port}"
        advice = "; --port 0 uses any free port" if error.errno == errno.EADDRINUSE else ""
        raise TargetError(f"cannot listen on {address}: {error.strerror}{advice}") from error
