"""What the network and AWS's own state do to a request: delays, throttling, faults. The registry itself knows none of it.

Law: what becomes of a request is decided before it is performed, from its service, operation and caller alone. Delays
are waited for outside of the registry, so none of its locks is held meanwhile.
"""

from attrs import frozen

from reconciler.registry.endpoint import Registry, RoutedRequest
from reconciler.registry.errors import ApiError
from reconciler.registry.faults import Faults
from reconciler.registry.http import HttpResponse
from reconciler.registry.latency import Latency
from reconciler.registry.throttling import RateLimiter

_THROTTLED = ApiError("ThrottlingException", "Rate exceeded")


@frozen
class Disruption:
    """What becomes of one request: it waits so many seconds, and then `kind` (of `faults.KINDS`) happens, if any.

    `room_in` is how many seconds later there would have been room for a call that is refused for its rate.
    """

    delay: float = 0.0
    kind: str | None = None
    room_in: float = 0.0


@frozen
class Conditions:
    """Under which conditions a registry is reached; the default is none at all."""

    limits: RateLimiter | None = None
    latency: Latency | None = None
    faults: Faults | None = None

    def disrupt(self, routed: RoutedRequest) -> Disruption:
        """Decide what becomes of a request. What no operation answers only waits."""
        delay = self.latency() if self.latency else 0.0
        if routed.wire is None:
            return Disruption(delay)
        service, operation = routed.wire.service, routed.wire.name
        kind, later = self.faults.strike(service, operation) if self.faults else (None, 0.0)
        caller = routed.caller
        room_in = self.limits.admit(caller.account, caller.region, service, operation) if self.limits else 0.0
        return Disruption(delay + later, "throttle" if room_in else kind, room_in)


def respond(registry: Registry, routed: RoutedRequest, disruption: Disruption) -> HttpResponse | None:
    """Let a request have its fate, its delay aside; None when its connection is lost."""
    match disruption.kind:
        case "throttle":
            return registry.refuse(routed, _THROTTLED)
        case "error_before":
            return registry.refuse(routed, _fault(routed))
        case "error_after":
            registry.perform(routed)
            return registry.refuse(routed, _fault(routed))
        case "reset_before":
            return None
        case "reset_after":
            registry.perform(routed)
            return None
        case _:
            return registry.perform(routed)


def _fault(routed: RoutedRequest) -> ApiError:
    assert routed.wire is not None
    return ApiError(routed.wire.fault_code, "An unexpected error has occurred.")
