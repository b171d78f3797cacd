"""Token buckets: no API is called more often than AWS's quotas allow, pages and retries included.

A quota is shared with everyone who uses the account. When AWS throttles a call, the rate of the call's bucket is halved, and
then grows steadily back to the quota: additive increase, multiplicative decrease (Chiu and Jain, 1989), as in TCP.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any
from weakref import WeakValueDictionary

from botocore.session import Session

from reconciler.aws.retries import is_throttled
from reconciler.model.plan import Target
from reconciler.model.quota import Bucket, Quotas

_log = logging.getLogger(__name__)

RECOVERY_SECONDS = 60.0
"""Seconds in which the rate of a bucket would grow from zero to its quota."""

_MIN_RATE_SHARE = 1 / 64
"""The lowest rate of a slowed bucket, as a share of its quota."""
_SAME_BURST_SECONDS = 1.0
"""Throttled calls within this time slow a bucket down once: they were in flight together."""


_SERVICES_BY_ID = {"secrets-manager": "secretsmanager"}
"""The services whose ID, which is in the names of botocore's events, differs from their name."""


class TokenBucket:
    """Admits `rate` calls per second. Thread-safe.

    It saves up at most one second's calls while it is idle, or one call if the rate is below one, and admits these at once.
    """

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
        self._refilled_at = clock()
        self._slowed_at: float | None = None

    def take(self) -> None:
        """Take one token, waiting for it if there is none. First come, first served."""
        with self._lock:
            self._refill()
            self._tokens -= 1
            # Each waiting call makes the count more negative, so that the next one waits behind it.
            wait_seconds = -self._tokens / self._rate
        if wait_seconds > 0:
            self._pause(wait_seconds)

    def slow_down(self) -> float | None:
        """Halve the rate and drop the unused tokens, because AWS throttled a call.

        Returns the new rate, or None when the same burst has slowed the bucket already.
        """
        with self._lock:
            self._refill()
            if self._slowed_at is not None and self._refilled_at - self._slowed_at < _SAME_BURST_SECONDS:
                return None
            self._slowed_at = self._refilled_at
            self._rate = max(self._rate / 2, self._quota * _MIN_RATE_SHARE)
            self._tokens = min(self._tokens, 0.0)
            return self._rate

    def _refill(self) -> None:
        now = self._clock()
        elapsed = now - self._refilled_at
        self._refilled_at = now
        self._tokens = min(max(1.0, self._rate), self._tokens + elapsed * self._rate)
        self._rate = min(self._quota, self._rate + self._quota * elapsed / RECOVERY_SECONDS)


class RateBuckets:
    """The token buckets of one account and Region. Thread-safe."""

    def __init__(self) -> None:
        self._token_buckets: dict[Bucket, TokenBucket] = {}
        self._lock = threading.Lock()

    def find(self, buckets: Iterable[Bucket], *, create: bool) -> list[tuple[Bucket, TokenBucket]]:
        """Return the token bucket of each bucket; with `create`, create those that are missing."""
        if not create and not self._token_buckets:
            return []
        with self._lock:
            return [
                (bucket, self._token_buckets.setdefault(bucket, TokenBucket(bucket.rate)))
                for bucket in buckets
                if create or bucket in self._token_buckets
            ]


_SHARED_BUCKETS: WeakValueDictionary[Target, RateBuckets] = WeakValueDictionary()
_SHARED_BUCKETS_LOCK = threading.Lock()


class RateLimiter:
    """Makes the requests of sessions wait for the buckets of their account and Region.

    A quota is one of an account and Region, so the workspaces of a process that have the same target share its buckets. Before
    the target is known, a session has buckets of its own.
    """

    def __init__(self) -> None:
        self.buckets = RateBuckets()

    def share(self, target: Target) -> None:
        """Use the buckets that all workspaces of this process have for the target."""
        with _SHARED_BUCKETS_LOCK:
            self.buckets = _SHARED_BUCKETS.setdefault(target, self.buckets)


def limit_rates(
    session: Session, quotas: Quotas, limiter: RateLimiter, *, only_after_throttling: bool = False
) -> None:
    """Make every request of the session's future clients wait for its buckets.

    With `only_after_throttling`, calls wait for a bucket only after the target has throttled a call of that bucket. This is for a
    registry on this machine, which may or may not enforce AWS's quotas.
    """

    @cache
    def find_buckets(event_name: str) -> tuple[Bucket, ...]:
        _, service_id, operation = event_name.split(".", 2)
        return quotas.find_buckets(_SERVICES_BY_ID.get(service_id, service_id), operation)

    def find_token_buckets(event_name: str, *, create: bool) -> list[tuple[Bucket, TokenBucket]]:
        """Return the token buckets of an event's operation; with `create`, create those that are missing."""
        return limiter.buckets.find(find_buckets(event_name), create=create)

    def wait(event_name: str, **_context: Any) -> None:
        for _, token_bucket in find_token_buckets(event_name, create=not only_after_throttling):
            token_bucket.take()

    def slow_down_if_throttled(
        event_name: str, parsed_response: Mapping[str, Any] | None, **_context: Any
    ) -> None:
        if not is_throttled(parsed_response or {}, event_name.rpartition(".")[2]):
            return
        for bucket, token_bucket in find_token_buckets(event_name, create=True):
            if rate := token_bucket.slow_down():
                _log.info(
                    "throttled: %s:%s slows down to %.2g calls per second", bucket.service, bucket.name, rate
                )

    session.register("before-send", wait)
    session.register("response-received", slow_down_if_throttled)
