"""Simulated conditions: delays, throttling and faults. The registry itself does not depend on them.

Invariant: what happens to a request is decided before it is performed; its parameters and the registry's state have no
influence. The server waits for a delay before the request is performed, so no lock is held meanwhile.
"""

from collections.abc import Generator

from reconciler.frozen_classes import frozen
from reconciler.registry.endpoint import Registry, RoutedRequest
from reconciler.registry.errors import ApiError
from reconciler.registry.faults import Faults
from reconciler.registry.http import HttpResponse
from reconciler.registry.latency import Latency
from reconciler.registry.throttling import RateLimiter


@frozen
class Disruption:
    """How one request is disrupted: it waits `delay` seconds, and then the fault happens, if there is one.

    `kind` is the kind of fault, a key of `FAULT_KINDS` other than "delay", or None. `retry_after` is the number of seconds after
    which the limiter would admit the call; it is 0 if the limiter admits the call now, even if a fault rule throttles it.
    """

    delay: float = 0.0
    kind: str | None = None
    retry_after: float = 0.0


@frozen
class Conditions:
    """The simulated conditions of all requests; by default, there are none."""

    limiter: RateLimiter | None = None
    latency: Latency | None = None
    faults: Faults | None = None

    def choose_disruption(self, routed: RoutedRequest) -> Disruption:
        """Decide how a request is disrupted. A call that the limiter throttles has no other fault.

        A request without an operation is only delayed, by the latency.
        """
        delay = self.latency() if self.latency else 0.0
        if routed.operation is None:
            return Disruption(delay)
        service, operation = routed.operation.service, routed.operation.name
        kind, fault_delay = self.faults.choose_next_fault(service, operation) if self.faults else (None, 0.0)
        retry_after = 0.0
        if self.limiter is not None:
            caller = routed.caller
            retry_after = self.limiter.admit(caller.account, caller.region, service, operation)
        return Disruption(delay + fault_delay, "throttle" if retry_after else kind, retry_after)


def respond(
    registry: Registry, routed: RoutedRequest, disruption: Disruption
) -> Generator[None, None, HttpResponse | None]:
    """Perform or reject a request, depending on its fault, and return the response.

    Yields between two pieces. The delay is already over. None means that the connection is lost.
    """
    match disruption.kind:
        case "throttle":
            return registry.reject(routed, _build_throttling_error(routed))
        case "error_before":
            return registry.reject(routed, _build_internal_error(routed))
        case "error_after":
            yield from registry.perform_in_pieces(routed)
            return registry.reject(routed, _build_internal_error(routed))
        case "reset_before":
            return None
        case "reset_after":
            yield from registry.perform_in_pieces(routed)
            return None
        case _:
            return (yield from registry.perform_in_pieces(routed))


def _build_throttling_error(routed: RoutedRequest) -> ApiError:
    assert routed.operation is not None
    return ApiError(routed.operation.throttling_code, "Rate exceeded")


def _build_internal_error(routed: RoutedRequest) -> ApiError:
    assert routed.operation is not None
    return ApiError(routed.operation.fault_code, "An unexpected error has occurred.")
