"""An embedded registry behind a network that throttles, fails, resets, delays and reorders."""

from __future__ import annotations

import random
import threading
from collections import Counter
from enum import Enum

from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from reconciler.aws.caller import Caller
from reconciler.aws.retries import Retries
from reconciler.registry import HttpRequest, HttpResponse
from tests.support.registry_client import Cloud


class Fault(Enum):
    """A fault of one request."""

    THROTTLE = "AWS throttles it"
    REFUSE = "no connection"
    FAIL_BEFORE = "5xx without an effect"
    FAIL_AFTER = "5xx with the effect"
    RESET_BEFORE = "the connection is reset before the request arrives"
    RESET_AFTER = "the connection is reset after the effect"
    TIMEOUT_AFTER = "the response comes too late"
    LATE = "no response, and the effect comes after that of the next request"
    TWICE = "the network delivers it twice"


LOST_RESPONSES = (Fault.FAIL_AFTER, Fault.RESET_AFTER, Fault.TIMEOUT_AFTER)
"""Faults that lose the response of a call that had its effect."""


class VirtualTime:
    """A clock that only pauses advance. Thread-safe."""

    def __init__(self) -> None:
        self.now = 0.0
        self._lock = threading.Lock()

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


class RandomFaults:
    """Faults drawn from a seed, the request and its count, independently of the order of threads."""

    def __init__(self, seed: int, rate: float, kinds: tuple[Fault, ...] = tuple(Fault)) -> None:
        self._seed, self._rate, self._kinds = seed, rate, kinds
        self._counts: Counter[str] = Counter()

    def fault_for(self, request: HttpRequest) -> Fault | None:
        key = f"{request.method} {request.url}"
        self._counts[key] += 1
        chance = random.Random(f"{self._seed} {key} {self._counts[key]}")
        return chance.choice(self._kinds) if chance.random() < self._rate else None


class SingleFault(RandomFaults):
    """One fault, for the first request with this method and path."""

    def __init__(self, method: str, path: str, fault: Fault) -> None:
        self._endpoint, self._fault = (method, path), fault
        self.occurrences = 0

    def fault_for(self, request: HttpRequest) -> Fault | None:
        method, path = self._endpoint
        if self.occurrences or request.method != method or path not in request.url:
            return None
        self.occurrences += 1
        return self._fault


class FaultyCloud(Cloud):
    """A registry behind a network with `faults`, if set; its time is virtual, so that retries do not wait."""

    def __init__(self) -> None:
        self.faults: RandomFaults | None = None
        self.time = VirtualTime()
        self.sent_requests: list[tuple[str, str]] = []
        self._late: list[HttpRequest] = []
        self._turn = threading.Lock()
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
        with self._turn:
            fault = self.faults.fault_for(request) if self.faults else None
            if fault is Fault.LATE:
                self._late.append(request)
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
            case Fault.TWICE:
                super().handle(request)
        return response

    def _deliver_late_requests(self) -> None:
        late, self._late = self._late, []
        for request in late:
            super().handle(request)


def _error(status: int, code: str) -> HttpResponse:
    headers = {"x-amzn-ErrorType": code, "Content-Type": "application/json"}
    return HttpResponse(status, headers, b'{"message": "the network"}')
