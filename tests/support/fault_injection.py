"""An embedded registry behind a network that throttles, fails, resets, delays and reorders."""

from __future__ import annotations

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
    """A fault of one request."""

    THROTTLE = "AWS throttles the request"
    REFUSE = "the connection is refused"
    FAIL_BEFORE = "5xx without an effect"
    FAIL_AFTER = "5xx with the effect"
    RESET_BEFORE = "the connection is reset before the request arrives"
    RESET_AFTER = "the connection is reset after the effect"
    TIMEOUT_AFTER = "the response comes too late"
    DELIVER_LATE = "no response, and the request takes effect only after the next one"
    DELIVER_TWICE = "the network delivers the request twice"


LOST_RESPONSES = (Fault.FAIL_AFTER, Fault.RESET_AFTER, Fault.TIMEOUT_AFTER)
"""Faults that lose the response of a call that had its effect."""


class VirtualTime:
    """A clock that advances only in `pause`. Thread-safe."""

    def __init__(self) -> None:
        self.now = 0.0
        self._lock = threading.Lock()

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


class Faults(Protocol):
    """The faults of a network."""

    def choose_fault(self, request: HttpRequest) -> Fault | None:
        """Return the fault of a request, or None if the network delivers it."""


class RandomFaults:
    """Random faults, which depend on a seed, a request and its count, but not on the order of threads.

    `rate` is the share of requests that have a fault, from 0 to 1.
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
    """One fault, for the first request with this method and path."""

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
    """A registry behind a network that may have `faults`. Time is virtual: retries do not wait."""

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
        """Forget all failures, as a new process does."""
        self.call = Caller(
            {"iot": self.iot, "iot-managed-integrations": self.managed_integrations}, self.retries
        )
        return self

    def stop_faults(self) -> FaultyCloud:
        """End the faults, and deliver the requests that are in flight."""
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
            response = self._handle_with(fault, request)
            self._deliver_late_requests()
            return response

    def _handle_with(self, fault: Fault | None, request: HttpRequest) -> HttpResponse:
        match fault:
            case Fault.THROTTLE:
                return _error(400, "ThrottlingException")
            case Fault.REFUSE:
                raise EndpointConnectionError(endpoint_url=request.url)
            case Fault.FAIL_BEFORE:
                return _error(503, "ServiceUnavailableException")
            case Fault.RESET_BEFORE:
                raise ConnectionClosedError(endpoint_url=request.url)
        response = super().handle(request)
        match fault:
            case Fault.FAIL_AFTER:
                return _error(500, "InternalFailureException")
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


def _error(status: int, code: str) -> HttpResponse:
    headers = {"x-amzn-ErrorType": code, "Content-Type": "application/json"}
    return HttpResponse(status, headers, b'{"message": "injected fault"}')
