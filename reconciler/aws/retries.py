"""When a call is sent again: the one place that decides it; botocore's own retries are off, so that none are multiplied.

Sent again is what AWS put off (throttling), what never left (no route), and, of what may have been done already, only what may
be done twice. In between it waits with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), for
a bounded time in all. A service that fails call after call is left alone for a while: its circuit opens.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from enum import Enum
from itertools import count
from typing import Any, TypeVar

from attrs import frozen
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)

from reconciler.model.errors import ServiceDownError
from reconciler.model.redaction import redacted

Answered = TypeVar("Answered")

BOTOCORES_OWN: Mapping[str, Any] = {"mode": "standard", "total_max_attempts": 1}
"""For `botocore.config.Config(retries=…)`: none."""

PATIENCE = 60.0
"""Seconds for which one call is tried."""

_FIRST, _LONGEST = 0.1, 10.0

# botocore's list without LimitExceededException: of AWS IoT that is a quota of things, and no pause makes room.
_THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequests",
        "TooManyRequestsException",
    }
)
_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500

# The request did not come to AWS whole, so AWS did nothing.
_CUT_SHORT = frozenset({"RequestTimeout", "RequestTimeoutException"})


class Trouble(Enum):
    """What kept a call from being answered."""

    THROTTLED = "AWS put it off"
    UNSENT = "it never came to AWS"
    LOST = "its answer was lost, and it may have been done"


def throttled(response: Mapping[str, Any]) -> bool:
    """Whether a parsed answer says that it was too much at once (iot: 400, managed integrations: 429)."""
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = response.get("Error", {}).get("Code", "")
    return code in _THROTTLED or status == _TOO_MANY_REQUESTS


def trouble_of(error: Exception) -> Trouble | None:
    """What the error says of the call's fate; None where AWS has answered, or trying again is useless."""
    match error:
        case ClientError() if throttled(error.response):
            return Trouble.THROTTLED
        case ClientError() if error.response.get("Error", {}).get("Code") in _CUT_SHORT:
            return Trouble.UNSENT
        case ClientError():
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            return Trouble.LOST if status >= _SERVER_ERROR else None
        case EndpointConnectionError() | ConnectTimeoutError() | ProxyConnectionError():
            return Trouble.UNSENT
        case SSLError():  # a certificate that is not trusted will not be in a minute
            return None
        case ConnectionClosedError() | ReadTimeoutError() | HTTPClientError():
            return Trouble.LOST
        case _:
            return None


class GaveUp(Exception):  # noqa: N818 (never leaves this package)
    """The last error of botocore's, and whether the call may have been done although it was not answered."""

    def __init__(self, error: ClientError | BotoCoreError, *, unknown: bool) -> None:
        self.error, self.unknown = error, unknown
        super().__init__(str(error))


class Circuit:
    """Opens when a service does nothing but fail, so that it is not called in vain; safe for many threads.

    It takes `FAILURES` in a row over at least `SPAN` seconds, not throttling, which is an answer. `REST` seconds later one
    call may try, and any answer closes it.
    """

    FAILURES, SPAN, REST = 10, 10.0, 30.0

    def __init__(self, service: str, clock: Callable[[], float]) -> None:
        self._service, self._clock = service, clock
        self._lock = threading.Lock()
        self._failures = 0
        self._since = self._last = 0.0
        self._why = ""
        self._opened: float | None = None

    def enter(self, *, lost: bool = False) -> None:
        """Before each attempt. Raises ServiceDownError while it is open; `lost` where one before may have been done."""
        with self._lock:
            if self._opened is None:
                return
            if self._clock() - self._opened >= self.REST:
                self._opened = self._clock()  # the one that tries; the others go on waiting
                return
            raise ServiceDownError(
                f"{self._service} has failed {self._failures} times in a row and is left alone for now ({self._why}); "
                "run again when it has recovered: what was done is found there, and the rest is planned again",
                unknown=lost,
            )

    def failed(self, why: str) -> None:
        """No answer, or one that tells of a fault of AWS's."""
        with self._lock:
            self._why = why
            now = self._clock()
            if not self._failures or now - self._last > PATIENCE:
                self._failures, self._since = 0, now
            self._failures += 1
            self._last = now
            if self._failures >= self.FAILURES and now - self._since >= self.SPAN:
                self._opened = now

    def answered(self) -> None:
        """Whatever the answer was."""
        with self._lock:
            self._failures, self._opened = 0, None


@frozen
class Retries:
    """Sends attempts until one is answered. `clock` and `pause` are in seconds; `spread` gives a number between two."""

    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    spread: Callable[[float, float], float] = random.uniform
    patience: float = PATIENCE

    def run(
        self, attempt: Callable[[], Answered], circuit: Circuit, *, reads: bool, repeatable: bool
    ) -> Answered:
        """The answer. `reads` is for calls that change nothing; only such and `repeatable` ones are sent again when lost.

        Raises GaveUp, and ServiceDownError while the circuit is open.
        """
        ends = self.clock() + self.patience
        lost = False
        for pauses in count():
            circuit.enter(lost=lost)
            try:
                answer = attempt()
            except (ClientError, BotoCoreError) as error:
                trouble = trouble_of(error)
                if trouble in {None, Trouble.THROTTLED}:
                    circuit.answered()
                else:
                    circuit.failed(redacted(str(error)))
                lost = lost or (trouble is Trouble.LOST and not reads)
                seconds = self.spread(0, min(_LONGEST, _FIRST * 2**pauses))
                hopeless = trouble is None or (trouble is Trouble.LOST and not (reads or repeatable))
                if hopeless or self.clock() + seconds > ends:
                    raise GaveUp(error, unknown=lost and trouble is not None) from error
                self.pause(seconds)
            else:
                circuit.answered()
                return answer
        raise AssertionError("counting does not end")
