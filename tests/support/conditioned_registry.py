"""A registry in this process, reached through a slow, throttled or broken network."""

from collections.abc import Callable

from attrs import frozen

from reconciler.registry import Registry, Request, Response
from reconciler.registry.conditions import Conditions, fulfil


@frozen
class ConditionedRegistry:
    """A stand-in for a `Registry`, whose requests are subject to conditions."""

    registry: Registry
    conditions: Conditions
    sleep: Callable[[float], None]

    def handle(self, request: Request) -> Response:
        """Answer one request. Raises ConnectionResetError when the conditions drop the connection."""
        asked = self.registry.recognise(request)
        fate = self.conditions.fate(asked)
        if fate.delay:
            self.sleep(fate.delay)
        response = fulfil(self.registry, asked, fate)
        if response is None:
            raise ConnectionResetError("the connection was lost")
        return response
