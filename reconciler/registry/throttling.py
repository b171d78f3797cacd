"""AWS's rates, enforced by the registry: each account and Region has its own token buckets.

Invariant: a call takes one token from each of its buckets. A bucket has room for the tokens of one second, at least for one, and
refills evenly. A call that finds less than one token in any of its buckets is rejected and takes no tokens, unless it is early
by at most `_JITTER_SECONDS`. The rates are passed in; this module knows none of AWS's numbers.
"""

from collections.abc import Callable
from threading import Lock

from attrs import define, field

from reconciler.frozen_classes import frozen

# The service, the bucket's name, and its calls per second.
Bucket = tuple[str, str, float]
# Returns the buckets of an operation, from the names of its service and of the operation.
FindBuckets = Callable[[str, str], tuple[Bucket, ...]]

# Calls that are sent at even intervals arrive at slightly uneven ones, so a call that is early by at most this is admitted.
_JITTER_SECONDS = 0.02


@define
class _Level:
    """How many tokens a bucket had at a time."""

    tokens: float
    updated_at: float


@frozen
class RateLimiter:
    """Admits calls at the rates of their buckets.

    `clock` returns seconds from an arbitrary start. Thread-safe.
    """

    find_buckets: FindBuckets
    clock: Callable[[], float]
    _levels: dict[tuple[str, str, Bucket], _Level] = field(factory=dict, init=False, repr=False)
    _lock: Lock = field(factory=Lock, init=False, repr=False)

    def admit(self, account: str, region: str, service: str, operation: str) -> float:
        """Admit a call and return 0, or return the seconds to wait before sending it again."""
        buckets = self.find_buckets(service, operation)
        with self._lock:
            now = self.clock()
            levels = [self._refill_level(account, region, bucket, now) for bucket in buckets]
            waits = [(1 - level.tokens) / rate for level, (_, _, rate) in zip(levels, buckets, strict=True)]
            wait = max(waits, default=0.0)
            if wait > _JITTER_SECONDS:
                return wait
            for level in levels:
                level.tokens -= 1
            return 0.0

    def _refill_level(self, account: str, region: str, bucket: Bucket, now: float) -> _Level:
        """Return the level of a bucket of an account and Region, refilled up to now."""
        rate = bucket[2]
        capacity = max(1.0, rate)
        level = self._levels.setdefault((account, region, bucket), _Level(capacity, now))
        level.tokens = min(capacity, level.tokens + max(0.0, now - level.updated_at) * rate)
        # A clock that moves backwards must not refill the same time twice.
        level.updated_at = max(level.updated_at, now)
        return level
