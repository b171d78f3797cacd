"""AWS's rates: how many calls a second each API takes, and what follows for many calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from attrs import frozen

from reconciler.model.plan import Bottleneck, Estimate


@frozen
class Bucket:
    """Calls that are counted together: `name` is an operation's or a shared quota's, `rate` is calls a second."""

    service: str
    name: str
    rate: float


@frozen
class Quotas:
    """Rates by service and operation; "default" stands for every other operation of its service.

    `shared` are buckets that several operations draw from, by service: name → (rate, operations).
    """

    rates: Mapping[str, Mapping[str, float]]
    shared: Mapping[str, Mapping[str, tuple[float, frozenset[str]]]]

    def find_buckets(self, service: str, operation: str) -> tuple[Bucket, ...]:
        """Every bucket that one call draws from."""
        rates = self.rates.get(service, {})
        rate = rates.get(operation, rates.get("default"))
        own = (Bucket(service, operation, rate),) if rate is not None else ()
        shared = self.shared.get(service, {})
        return own + tuple(
            Bucket(service, name, rate) for name, (rate, members) in shared.items() if operation in members
        )

    def estimate(self, calls: Mapping[tuple[str, str], int]) -> Estimate:
        """The least seconds that the quotas allow for the calls: the fullest bucket's."""
        drawn: defaultdict[Bucket, int] = defaultdict(int)
        for (service, operation), count in calls.items():
            for bucket in self.find_buckets(service, operation):
                drawn[bucket] += count
        if not drawn:
            return Estimate(dict(calls), 0.0)
        fullest = max(drawn, key=lambda bucket: (drawn[bucket] / bucket.rate, bucket.name))
        count = drawn[fullest]
        return Estimate(dict(calls), count / fullest.rate, Bottleneck(fullest.name, count, fullest.rate))
