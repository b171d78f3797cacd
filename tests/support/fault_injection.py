"""An embedded registry behind a network that throttles, fails, resets, delays and reorders."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from enum import Enum
from typing import Protocol

from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from reconciler.aws.caller import Caller
from reconciler.aws.retries import Retries
from reconciler.registry import HttpRequest, HttpResponse
from tests.support.registry_client import Cloud


class Fault(Enum):
    """A fault of one request.

    `BEFORE` means that the request has no effect, `AFTER` that it has its effect.
    """

    THROTTLE = "AWS throttles the request"
    REFUSE = "the connection is refused"
    FAIL_BEFORE = "AWS responds with 503, and the request has no effect"
    FAIL_AFTER = "AWS responds with 500, although the request has its effect"
    RESET_BEFORE = "the connection is reset before the request arrives"
    RESET_AFTER = "the connection is reset after the request took effect"
    TIMEOUT_AFTER = "the request takes effect, but its response does not arrive in time"
    DELIVER_LATE = (
        "no response arrives, and the request takes effect after a later request that gets a response"
    )
    DELIVER_TWICE = "the network delivers the request twice"


LOST_RESPONSES = (Fault.FAIL_AFTER, Fault.RESET_AFTER, Fault.TIMEOUT_AFTER)
"""The faults of a request that takes effect at once, although its response is an error or does not arrive."""


class VirtualTime:
    """A clock in seconds that advances only in `pause`. Thread-safe."""

    def __init__(self) -> None:
        self.now = 0.0
        self._lock = threading.Lock()

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


class Faults(Protocol):
    """Decides which requests have a fault."""

    def choose_fault(self, request: HttpRequest) -> Fault | None:
        """Return the fault of a request, or None if the request has no fault."""


class RandomFaults:
    """Random faults: `rate` (from 0 to 1) is the share of the requests that have one of `faults`.

    The fault of a request depends only on the seed, on the request's method and URL, and on the number of earlier requests
    with the same method and URL. So the order in which threads send different requests has no effect.
    """

    def __init__(self, seed: int, rate: float, faults: tuple[Fault, ...] = tuple(Fault)) -> None:
        self._seed = seed
        self._rate = rate
        self._faults = faults
        self._counts: Counter[str] = Counter()

    def choose_fault(self, request: HttpRequest) -> Fault | None:
        key = f"{request.method} {request.url}"
        self._counts[key] += 1
        generator = random.Random(f"{self._seed} {key} {self._counts[key]}")
        return generator.choice(self._faults) if generator.random() < self._rate else None


class SingleFault:
    """One fault, for the first request with this method whose URL contains `path`."""

    def __init__(self, method: str, path: str, fault: Fault) -> None:
        self._method = method
        self._path = path
        self._fault = fault
        self.occurrences = 0

    def choose_fault(self, request: HttpRequest) -> Fault | None:
        if self.occurrences or request.method != self._method or self._path not in request.url:
            return None
        self.occurrences += 1
        return self._fault


class FaultyCloud(Cloud):
    """A registry behind a network with `faults` (None: no faults). Time is virtual: retries do not wait.

    `sent_requests` has the method, and the path with the query, of each request, except those delivered late.
    """

    def __init__(self) -> None:
        self.faults: Faults | None = None
        self.time = VirtualTime()
        self.sent_requests: list[tuple[str, str]] = []
        self._late_requests: list[HttpRequest] = []
        self._lock = threading.Lock()
        super().__init__()
        self.retries = Retries(self.time.clock, self.time.pause, random.Random(0).uniform)
        self.restart()

    def restart(self) -> FaultyCloud:
        """Replace the caller, as a new process does, so that it knows no earlier failures of a service."""
        self.call = Caller(self.clients, self.retries)
        return self

    def stop_faults(self) -> FaultyCloud:
        """End the faults, deliver the late requests that have not arrived yet, and replace the caller."""
        self.faults = None
        self._deliver_late_requests()
        return self.restart()

    def handle(self, request: HttpRequest) -> HttpResponse:
        with self._lock:
            fault = self.faults.choose_fault(request) if self.faults else None
            if fault is Fault.DELIVER_LATE:
                self._late_requests.append(request)
                raise ReadTimeoutError(endpoint_url=request.url)
            self.sent_requests.append((request.method, request.url.partition("amazonaws.com")[2]))
            response = self._handle_with_fault(fault, request)
            self._deliver_late_requests()
            return response

    def _handle_with_fault(self, fault: Fault | None, request: HttpRequest) -> HttpResponse:
        match fault:
            case Fault.THROTTLE:
                return _build_error_response(400, "ThrottlingException")
            case Fault.REFUSE:
                raise EndpointConnectionError(endpoint_url=request.url)
            case Fault.FAIL_BEFORE:
                return _build_error_response(503, "ServiceUnavailableException")
            case Fault.RESET_BEFORE:
                raise ConnectionClosedError(endpoint_url=request.url)
        response = super().handle(request)
        match fault:
            case Fault.FAIL_AFTER:
                return _build_error_response(500, "InternalFailureException")
            case Fault.RESET_AFTER:
                raise ConnectionClosedError(endpoint_url=request.url)
            case Fault.TIMEOUT_AFTER:
                raise ReadTimeoutError(endpoint_url=request.url)
            case Fault.DELIVER_TWICE:
                super().handle(request)
        return response

    def _deliver_late_requests(self) -> None:
        late_requests = self._late_requests
        self._late_requests = []
        for request in late_requests:
            super().handle(request)


def _build_error_response(status: int, code: str) -> HttpResponse:
    headers = {"x-amzn-ErrorType": code, "Content-Type": "application/json"}
    body = json.dumps({"__type": code, "message": "injected fault"}).encode()
    return HttpResponse(status, headers, body)
