"""Retries: the one place that decides whether a call is sent again.

botocore's own retries are off, so that they do not multiply. A call is retried if AWS throttled it or if it did not reach
AWS completely. If its response was lost, the call may have taken effect, so it is retried only if sending it twice is harmless.
Pauses grow with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015) within a total time limit. A
service that fails call after call is not called for a while: its circuit opens.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from enum import Enum
from itertools import count
from typing import Any, TypeVar

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

from reconciler.aws.response_parsers import InvalidResponseError
from reconciler.frozen_classes import frozen
from reconciler.model.errors import NoConnectionError, ServiceUnavailableError
from reconciler.model.redaction import redact

Response = TypeVar("Response")

NO_BOTOCORE_RETRIES: Mapping[str, Any] = {"mode": "standard", "total_max_attempts": 1}
"""The value of `botocore.config.Config(retries=…)` that turns off botocore's own retries."""

DEFAULT_TIMEOUT_SECONDS = 60.0
"""Seconds after its first attempt during which a call is retried."""

CONNECT_SECONDS = 0.6
"""Seconds during which connecting to an endpoint other than AWS's is retried: a server may be restarting.

The same holds for a service that the caller can do without: a network may have no way to it.
"""

_FIRST_PAUSE_SECONDS = 0.1
_MAX_PAUSE_SECONDS = 10.0

# botocore's list without LimitExceededException: in AWS IoT that is a quota on resources, and waiting does not help. Kinesis has no
# other error for throttling; its reads exceed no other limit.
_THROTTLING_CODES = frozenset(
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
_THROTTLED_READS = frozenset({("DescribeStreamSummary", "LimitExceededException")})
_TOO_MANY_REQUESTS_STATUS = 429
_MIN_SERVER_ERROR_STATUS = 500

# The request did not reach AWS completely, so AWS did nothing.
_INCOMPLETE_REQUEST_CODES = frozenset({"RequestTimeout", "RequestTimeoutException"})


class CallFailure(Enum):
    """Why a call failed, if a retry may help or it may have taken effect."""

    THROTTLED = "AWS throttled it"
    UNSENT = "it did not reach AWS completely"
    LOST = "its response was lost, and it may have taken effect"
    UNREADABLE = "its response is not AWS's, and it may have taken effect"


def is_throttled(response: Mapping[str, Any], operation: str) -> bool:
    """Return whether a parsed response reports throttling (iot: 400, managed integrations: 429)."""
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = response.get("Error", {}).get("Code", "")
    return (
        code in _THROTTLING_CODES
        or (operation, code) in _THROTTLED_READS
        or status == _TOO_MANY_REQUESTS_STATUS
    )


def has_disk_problem(response: Mapping[str, Any]) -> bool:
    """Return whether an embedded registry, which then changes nothing, cannot use its database."""
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return "x-registry-disk-problem" in headers


def is_unconnected(error: Exception) -> bool:
    """Return whether nothing accepted the connection."""
    return isinstance(error, EndpointConnectionError | ConnectTimeoutError)


def classify_failure(error: Exception) -> CallFailure | None:
    """Return why the call failed, or None.

    None means that the call had no effect and a retry would not help, as when AWS rejected it.
    """
    match error:
        case ClientError() if is_throttled(error.response, error.operation_name):
            return CallFailure.THROTTLED
        case ClientError() if error.response.get("Error", {}).get("Code") in _INCOMPLETE_REQUEST_CODES:
            return CallFailure.UNSENT
        case ClientError() if has_disk_problem(error.response):  # it will not be solved within a minute
            return None
        case ClientError():
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            return CallFailure.LOST if status >= _MIN_SERVER_ERROR_STATUS else None
        case EndpointConnectionError() | ConnectTimeoutError() | ProxyConnectionError():
            return CallFailure.UNSENT
        case SSLError():  # an untrusted certificate will not become trusted within a minute
            return None
        case InvalidResponseError():
            return CallFailure.UNREADABLE
        case ConnectionClosedError() | ReadTimeoutError() | HTTPClientError():
            return CallFailure.LOST
        case _:
            return None


class CallFailedError(Exception):
    """A call failed and is not sent again. Never leaves this package.

    `error` is botocore's last error; `outcome_unknown` is whether the call may have taken effect.
    """

    def __init__(self, error: ClientError | BotoCoreError, *, outcome_unknown: bool) -> None:
        self.error = error
        self.outcome_unknown = outcome_unknown
        super().__init__(str(error))


class Circuit:
    """Circuit breaker: opens after repeated failures of a service. Thread-safe.

    It opens after `MAX_FAILURES` failures in a row over at least `MIN_SPAN_SECONDS`. A missing response or a server error is a failure;
    throttling is not. After `OPEN_SECONDS` one call may try; if it does not fail, the circuit closes.

    `custom_url` is the URL of an endpoint that is not AWS's. If it accepts no connection for `CONNECT_SECONDS`, the circuit opens
    for that long. `is_optional` is whether the caller can do without the service. `has_responded` is whether any call got a response.
    """

    MAX_FAILURES, MIN_SPAN_SECONDS, OPEN_SECONDS = 10, 10.0, 30.0

    def __init__(
        self, service: str, clock: Callable[[], float], custom_url: str = "", *, is_optional: bool = False
    ) -> None:
        self.custom_url = custom_url
        self.is_optional = is_optional
        self.has_responded = False
        self._is_unconnected = False
        self._service, self._clock = service, clock
        self._lock = threading.Lock()
        self._failures = 0
        self._first_failure_at = self._last_failure_at = 0.0
        self._reason = ""
        self._opened_at: float | None = None

    def check(self, *, lost: bool = False) -> None:
        """Allow an attempt, or raise ServiceUnavailableError while the circuit is open.

        `lost` states that an earlier attempt at the same call may have taken effect.
        """
        with self._lock:
            if self._opened_at is None:
                return
            open_seconds = CONNECT_SECONDS if self._is_unconnected else self.OPEN_SECONDS
            if self._clock() - self._opened_at >= open_seconds:
                self._opened_at = self._clock()  # one caller tries; the others still get the error
                return
            if self._is_unconnected:
                raise NoConnectionError(self.custom_url, outcome_unknown=lost)
            raise ServiceUnavailableError(
                f"{self._service}: failed {self._failures} times in a row ({self._reason}), so it is not called for now; "
                "run again when it has recovered: completed steps are detected, and the rest is planned again",
                outcome_unknown=lost,
            )

    def record_failure(self, reason: str) -> None:
        """Record a missing response or a server error, which may open the circuit.

        Failures more than `DEFAULT_TIMEOUT_SECONDS` apart are not in a row.
        """
        with self._lock:
            self._reason = reason
            now = self._clock()
            if not self._failures or now - self._last_failure_at > DEFAULT_TIMEOUT_SECONDS:
                self._failures, self._first_failure_at = 0, now
            self._failures += 1
            self._last_failure_at = now
            if self._failures >= self.MAX_FAILURES and now - self._first_failure_at >= self.MIN_SPAN_SECONDS:
                self._opened_at = now

    def record_response(self) -> None:
        """Close the circuit: an attempt got a response, or failed for a reason that is not the service's."""
        with self._lock:
            self._failures, self._opened_at, self._is_unconnected = 0, None, False
            self.has_responded = True

    def open_unconnected(self) -> None:
        """Open the circuit: nothing accepts connections."""
        with self._lock:
            self._is_unconnected = True
            self._opened_at = self._clock()


@frozen
class Retries:
    """Repeats a call that failed, where that is allowed.

    `clock` and `pause` use seconds; `jitter` returns a random number between two bounds.
    """

    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    jitter: Callable[[float, float], float] = random.uniform
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS

    def run(
        self, send: Callable[[], Response], circuit: Circuit, *, reads: bool, idempotent: bool
    ) -> Response:
        """Send a call until it succeeds, and return its response.

        If a response is lost, the call is repeated only if it `reads` (changes nothing) or is `idempotent`.

        Raises CallFailedError if the call failed and is not sent again, NoConnectionError, and ServiceUnavailableError while the
        circuit is open.
        """
        deadline = self.clock() + self.timeout_seconds
        lost = False
        first_refusal_at: float | None = None
        for failed_attempts in count():
            circuit.check(lost=lost)
            try:
                response = send()
            except (ClientError, BotoCoreError) as error:
                failure = classify_failure(error)
                if failure in {None, CallFailure.THROTTLED, CallFailure.UNREADABLE}:
                    circuit.record_response()
                else:
                    circuit.record_failure(redact(str(error)))
                lost = lost or (failure in {CallFailure.LOST, CallFailure.UNREADABLE} and not reads)
                is_unconnected_endpoint = bool(circuit.custom_url) and is_unconnected(error)
                # A server that has only closed connections is not restarting, but speaks another protocol.
                is_foreign = bool(circuit.custom_url) and not circuit.has_responded
                is_out_of_reach = circuit.is_optional and is_unconnected(error)
                is_closed = is_foreign and isinstance(error, ConnectionClosedError)
                if is_unconnected_endpoint or is_out_of_reach or is_closed:
                    first_refusal_at = self.clock() if first_refusal_at is None else first_refusal_at
                    deadline = min(deadline, first_refusal_at + CONNECT_SECONDS)
                seconds = self.jitter(0, min(_MAX_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**failed_attempts))
                is_final = failure in {None, CallFailure.UNREADABLE} or (
                    failure is CallFailure.LOST and not (reads or idempotent)
                )
                if is_final or self.clock() + seconds > deadline:
                    if is_unconnected_endpoint:
                        circuit.open_unconnected()
                        raise NoConnectionError(circuit.custom_url, outcome_unknown=lost) from None
                    # Without a `failure`, AWS rejected the last attempt or it was not sent: the outcome counts as known.
                    outcome_unknown = lost and failure is not None
                    raise CallFailedError(error, outcome_unknown=outcome_unknown) from error
                self.pause(seconds)
            else:
                circuit.record_response()
                return response
        raise AssertionError("unreachable: count() is endless")
