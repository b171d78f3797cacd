"""Read the status of a live resource: facts that AWS reports and no file can declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.engine.calls.send import send
from reconciler.frozen_classes import field, frozen
from reconciler.kinds.base.context import Response
from reconciler.kinds.base.kind import Kind
from reconciler.model.call import ApiCall, Call
from reconciler.model.errors import NO_ACCESS_CODES, AwsError
from reconciler.model.resource import Live


@frozen
class Status:
    """The status of a live resource, by name.

    `denied` are the operations that the caller has no permission for, such as "iot-managed-integrations:GetManagedThingState"; what
    they would report is missing.
    """

    values: Mapping[str, Any] = field(factory=dict)
    denied: tuple[str, ...] = ()


def read_status(kind: Kind, live: Live, call: Call) -> Status:
    """Return the status of a live resource, empty if its kind has none. Raises AwsError and TargetError."""
    reading = kind.read_status(live)
    denied: list[str] = []

    def respond(request: ApiCall) -> Response:
        try:
            return send(call, request, {})
        except AwsError as error:
            if error.code not in NO_ACCESS_CODES:
                raise
            denied.append(f"{request.service}:{request.operation}")
            return {}

    responses = None
    while True:
        try:
            batch = reading.send(responses)  # type: ignore[arg-type]  # None starts the read
        except StopIteration as stop:
            return Status(stop.value, tuple(denied))
        responses = [respond(request) for request in batch]
