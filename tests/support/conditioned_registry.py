"""A registry in this process whose requests are delayed, throttled or lost, as conditions decide."""

from collections.abc import Callable

from attrs import frozen

from reconciler.registry import HttpRequest, HttpResponse, Registry
from reconciler.registry.conditions import Conditions, respond
from reconciler.registry.endpoint import run_at_once


@frozen
class ConditionedRegistry:
    """A stand-in for a `Registry` that disrupts requests as `conditions` decides.

    It delays or rejects a request, or loses its connection. `sleep` waits for a number of seconds.
    """

    registry: Registry
    conditions: Conditions
    sleep: Callable[[float], None]

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request. Raises ConnectionResetError when the conditions drop the connection."""
        routed = self.registry.route(request)
        disruption = self.conditions.choose_disruption(routed)
        if disruption.delay:
            self.sleep(disruption.delay)
        response = run_at_once(respond(self.registry, routed, disruption))
        if response is None:
            raise ConnectionResetError("the connection was lost")
        return response
