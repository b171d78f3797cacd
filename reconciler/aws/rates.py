"""Token buckets: no API is called more often than AWS's quotas allow, whoever asks for it and however often it retries."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from botocore.session import Session

from reconciler.model.quotas import Bucket, Quotas


class TokenBucket:
    """Admits `rate` calls a second, and as many at once after a quiet second. Safe for many threads."""

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._pause = pause
        self._lock = threading.Lock()
        self._tokens = max(1.0, rate)
        self._seen = clock()

    def take(self) -> None:
        """Take one token, waiting for it where there is none. Whoever comes first is served first."""
        with self._lock:
            now = self._clock()
            self._tokens = min(max(1.0, self._rate), self._tokens + (now - self._seen) * self._rate)
            self._seen = now
            self._tokens -= 1
            wait = -self._tokens / self._rate
        if wait > 0:
            self._pause(wait)


def limit(session: Session, quotas: Quotas) -> None:
    """Make every request of the session's future clients, pages and retries included, wait for its buckets."""
    buckets: dict[Bucket, TokenBucket] = {}
    lock = threading.Lock()

    def wait(event_name: str, **_context: Any) -> None:
        _, service, operation = event_name.split(".", 2)
        for bucket in quotas.buckets(service, operation):
            with lock:
                tokens = buckets.setdefault(bucket, TokenBucket(bucket.rate))
            tokens.take()

    session.register("before-send", wait)
