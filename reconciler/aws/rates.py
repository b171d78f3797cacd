"""Token buckets: no API is called more often than AWS's quotas allow, whoever asks for it and however often it retries.

An account's quota is shared with whoever else uses the account, so a bucket that AWS throttles slows down for all of our calls:
additive increase, multiplicative decrease (Chiu and Jain, 1989), as TCP does it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.session import Session

from reconciler.aws.retries import throttled
from reconciler.model.quota import Bucket, Quotas

_log = logging.getLogger(__name__)

RECOVERY = 60.0
"""Seconds from standing still to the full rate."""

_SLOWEST = 1 / 64
_AT_ONCE = 1.0
"""Seconds within which throttled calls are one sign, not several: they were under way together."""


class TokenBucket:
    """Admits `rate` calls a second, and as many at once after a quiet second. Safe for many threads."""

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._quota = self._rate = rate
        self._clock = clock
        self._pause = pause
        self._lock = threading.Lock()
        self._tokens = max(1.0, rate)
        self._seen = clock()
        self._slowed: float | None = None

    def take(self) -> None:
        """Take one token, waiting for it where there is none. Whoever comes first is served first."""
        with self._lock:
            self._refill()
            self._tokens -= 1
            wait = -self._tokens / self._rate
        if wait > 0:
            self._pause(wait)

    def slow(self) -> float | None:
        """AWS throttled it: half the rate from now on, and nothing saved up. The new rate, if it is one."""
        with self._lock:
            self._refill()
            if self._slowed is not None and self._seen - self._slowed < _AT_ONCE:
                return None
            self._slowed = self._seen
            self._rate = max(self._rate / 2, self._quota * _SLOWEST)
            self._tokens = min(self._tokens, 0.0)
            return self._rate

    def _refill(self) -> None:
        now = self._clock()
        passed = now - self._seen
        self._seen = now
        self._tokens = min(max(1.0, self._rate), self._tokens + passed * self._rate)
        self._rate = min(self._quota, self._rate + self._quota * passed / RECOVERY)


def limit(session: Session, quotas: Quotas, *, unasked: bool = True) -> None:
    """Make every request of the session's future clients, pages and retries included, wait for its buckets.

    With `unasked` off nothing waits for a bucket before one of its calls has been throttled: for a registry that has AWS's
    quotas only if it was told to have them.
    """
    buckets: dict[Bucket, TokenBucket] = {}
    lock = threading.Lock()

    def found(event_name: str, *, new: bool) -> list[tuple[Bucket, TokenBucket]]:
        _, service, operation = event_name.split(".", 2)
        with lock:
            return [
                (bucket, buckets.setdefault(bucket, TokenBucket(bucket.rate)))
                for bucket in quotas.buckets(service, operation)
                if new or bucket in buckets
            ]

    def wait(event_name: str, **_context: Any) -> None:
        for _, tokens in found(event_name, new=unasked):
            tokens.take()

    def heed(event_name: str, parsed_response: Mapping[str, Any] | None, **_context: Any) -> None:
        if not throttled(parsed_response or {}):
            return
        for bucket, tokens in found(event_name, new=True):
            if rate := tokens.slow():
                _log.info(
                    "throttled: %s:%s slows down to %.2g calls a second", bucket.service, bucket.name, rate
                )

    session.register("before-send", wait)
    session.register("response-received", heed)
