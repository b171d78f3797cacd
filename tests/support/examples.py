"""How many examples property tests try: a fixed few in `make test`, many random ones in `make stress`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

FACTOR = float(os.environ.get("STRESS_EXAMPLES", "0"))
"""How many times as many examples `make stress` tries; 0 in all other runs."""

DEFAULT_EXAMPLES = 100


def load_profile() -> None:
    """Select Hypothesis's settings: the same examples in every run, or new ones under stress."""
    shared = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("repeatable", shared, derandomize=True)
    settings.register_profile("stress", shared, max_examples=_scaled(DEFAULT_EXAMPLES))
    settings.load_profile("stress" if FACTOR else "repeatable")


def examples(count: int) -> settings:
    """Return settings for `count` examples, or for many more under stress."""
    return settings(max_examples=_scaled(count), suppress_health_check=list(HealthCheck))


def _scaled(count: int) -> int:
    return max(1, round(count * (FACTOR or 1.0)))
