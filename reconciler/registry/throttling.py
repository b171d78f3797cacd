"""AWS's rates, held on the registry's side: each account and Region has its own token buckets.

Law: a bucket holds one second's calls and refills evenly. A call that finds any of its buckets empty is refused and
takes from none. Which rates there are is handed in; nothing here knows AWS's numbers.
"""

from collections.abc import Callable
from threading import Lock

from attrs import define, field, frozen

# A service's bucket: the service, the bucket's name, and calls a second.
Bucket = tuple[str, str, float]
Buckets = Callable[[str, str], tuple[Bucket, ...]]

# Calls that a client sends evenly do not arrive evenly; one that comes early by less than this is on time.
_JITTER_SECONDS = 0.02


@define
class _Level:
    tokens: float
    seen: float


@frozen
class RateLimiter:
    """Admits calls at the rates of `buckets`, which gives every bucket that an operation of a service draws from.

    `clock` gives seconds, from whenever. Safe for many threads.
    """

    buckets: Buckets
    clock: Callable[[], float]
    _levels: dict[tuple[str, str, Bucket], _Level] = field(factory=dict, init=False, repr=False)
    _guard: Lock = field(factory=Lock, init=False, repr=False)

    def admit(self, account: str, region: str, service: str, operation: str) -> float:
        """Take one call from its buckets; give 0, or the seconds until there is room for it."""
        drawn = self.buckets(service, operation)
        with self._guard:
            now = self.clock()
            levels = [self._level(account, region, bucket, now) for bucket in drawn]
            wait = max(
                ((1 - level.tokens) / rate for level, (_, _, rate) in zip(levels, drawn, strict=True)),
                default=0.0,
            )
            if wait > _JITTER_SECONDS:
                return wait
            for level in levels:
                level.tokens -= 1
            return 0.0

    def _level(self, account: str, region: str, bucket: Bucket, now: float) -> _Level:
        rate = bucket[2]
        most = max(1.0, rate)
        level = self._levels.setdefault((account, region, bucket), _Level(most, now))
        level.tokens = min(most, level.tokens + max(0.0, now - level.seen) * rate)
        level.seen = now
        return level
