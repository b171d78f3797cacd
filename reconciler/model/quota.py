"""AWS's quotas: the calls per second that each API allows, and the time that a number of calls takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from reconciler.frozen_classes import frozen
from reconciler.model.plan import Bottleneck, Estimate


@frozen
class Bucket:
    """A quota for the calls of one operation, or of several.

    `name` is that of the operation, or of the quota that several share; `rate` is in calls per second.
    """

    service: str
    name: str
    rate: float


@frozen
class Quotas:
    """The calls per second that AWS allows.

    - `rates`: service → operation → rate; "default" in place of an operation applies to each operation without its own rate;
    - `shared`: the quotas that several operations share: service → name of the quota → (rate, operations).
    """

    rates: Mapping[str, Mapping[str, float]]
    shared: Mapping[str, Mapping[str, tuple[float, frozenset[str]]]]

    def find_buckets(self, service: str, operation: str) -> tuple[Bucket, ...]:
        """Return every bucket that counts calls of an operation."""
        rates = self.rates.get(service, {})
        rate = rates.get(operation, rates.get("default"))
        buckets = [Bucket(service, operation, rate)] if rate is not None else []
        for name, (shared_rate, operations) in self.shared.get(service, {}).items():
            if operation in operations:
                buckets.append(Bucket(service, name, shared_rate))
        return tuple(buckets)

    def estimate(self, calls: Mapping[tuple[str, str], int]) -> Estimate:
        """Return an estimate for the calls: they take at least the time of the slowest bucket."""
        counts: defaultdict[Bucket, int] = defaultdict(int)
        for (service, operation), count in calls.items():
            for bucket in self.find_buckets(service, operation):
                counts[bucket] += count
        if not counts:
            return Estimate(dict(calls), 0.0)
        slowest = max(counts, key=lambda bucket: (counts[bucket] / bucket.rate, bucket.name))
        count = counts[slowest]
        return Estimate(dict(calls), count / slowest.rate, Bottleneck(slowest.name, count, slowest.rate))
