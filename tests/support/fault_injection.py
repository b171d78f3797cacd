"""A network that throttles, fails, resets, delays and reorders, in front of an embedded registry; seeded, so that it can be had again."""

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
    """What becomes of one request."""

    THROTTLE = "AWS puts it off"
    REFUSE = "no connection"
    FAIL_BEFORE = "5xx, and nothing was done"
    FAIL_AFTER = "5xx, and it was done"
    RESET_BEFORE = "the connection is reset before it arrives"
    RESET_AFTER = "the connection is reset once it was done"
    TIMEOUT_AFTER = "it was done, and the answer comes too late"
    LATE = "no answer, and it is done only after the next request"
    TWICE = "the network delivers it twice"


WRITES_LOST = (Fault.FAIL_AFTER, Fault.RESET_AFTER, Fault.TIMEOUT_AFTER)
"""What leaves nobody knowing that a call was done."""


class Time:
    """A clock that only pauses move; safe for many threads."""

    def __init__(self) -> None:
        self.now = 0.0
        self._lock = threading.Lock()

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


class Faults:
    """Which request meets which fault: by the seed, the request, and how often it was seen, whatever runs beside it."""

    def __init__(self, seed: int, rate: float, kinds: tuple[Fault, ...] = tuple(Fault)) -> None:
        self._seed, self._rate, self._kinds = seed, rate, kinds
        self._seen: Counter[str] = Counter()

    def of(self, request: HttpRequest) -> Fault | None:
        key = f"{request.method} {request.url}"
        self._seen[key] += 1
        chance = random.Random(f"{self._seed} {key} {self._seen[key]}")
        return chance.choice(self._kinds) if chance.random() < self._rate else None


class Once(Faults):
    """One fault, for the first request whose method and path are these."""

    def __init__(self, method: str, path: str, fault: Fault) -> None:
        self._wanted, self._fault = (method, path), fault
        self.met = 0

    def of(self, request: HttpRequest) -> Fault | None:
        method, path = self._wanted
        if self.met or request.method != method or path not in request.url:
            return None
        self.met += 1
        return self._fault


class FaultyCloud(Cloud):
    """A registry behind such a network, while it has `faults`; time is virtual, so no retry takes any."""

    def __init__(self) -> None:
        self.faults: Faults | None = None
        self.time = Time()
        self.sent: list[tuple[str, str]] = []
        self._late: list[HttpRequest] = []
        self._turn = threading.Lock()
        super().__init__()
        self.retries = Retries(self.time.clock, self.time.pause, random.Random(0).uniform)
        self.restart()

    def restart(self) -> FaultyCloud:
        """A new process: it remembers nothing of what has failed."""
        self.call = Caller({"iot": self.iot, "iot-managed-integrations": self.managed}, self.retries)
        return self

    def calm(self) -> FaultyCloud:
        """From now on the network works, and what was under way has arrived."""
        self.faults = None
        self._arrive()
        return self.restart()

    def handle(self, request: HttpRequest) -> HttpResponse:
        with self._turn:
            fault = self.faults.of(request) if self.faults else None
            if fault is Fault.LATE:
                self._late.append(request)
                raise ReadTimeoutError(endpoint_url=request.url)
            self.sent.append((request.method, request.url.partition("amazonaws.com")[2]))
            answer = self._met(fault, request)
            self._arrive()
            return answer

    def _met(self, fault: Fault | None, request: HttpRequest) -> HttpResponse:
        match fault:
            case Fault.THROTTLE:
                return _error(400, "ThrottlingException")
            case Fault.REFUSE:
                raise EndpointConnectionError(endpoint_url=request.url)
            case Fault.FAIL_BEFORE:
                return _error(503, "ServiceUnavailableException")
            case Fault.RESET_BEFORE:
                raise ConnectionClosedError(endpoint_url=request.url)
        answer = super().handle(request)
        match fault:
            case Fault.FAIL_AFTER:
                return _error(500, "InternalFailureException")
            case Fault.RESET_AFTER:
                raise ConnectionClosedError(endpoint_url=request.url)
            case Fault.TIMEOUT_AFTER:
                raise ReadTimeoutError(endpoint_url=request.url)
            case Fault.TWICE:
                super().handle(request)
        return answer

    def _arrive(self) -> None:
        late, self._late = self._late, []
        for request in late:
            super().handle(request)


def _error(status: int, code: str) -> HttpResponse:
    headers = {"x-amzn-ErrorType": code, "Content-Type": "application/json"}
    return HttpResponse(status, headers, b'{"message": "the network"}')
