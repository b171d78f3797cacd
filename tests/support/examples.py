"""The number of examples that property tests try.

`make test` tries few, always the same; `make stress` tries many random ones.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

STRESS_FACTOR = float(os.environ.get("STRESS_EXAMPLES", "0"))
"""The factor by which `make stress` multiplies the number of examples; 0 in all other runs."""

DEFAULT_EXAMPLES = 100
"""The number of examples that Hypothesis tries by default."""


def load_profile() -> None:
    """Select Hypothesis's settings: the same examples in every run, or new ones in `make stress`."""
    common_settings = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("repeatable", common_settings, derandomize=True)
    settings.register_profile("stress", common_settings, max_examples=_scale(DEFAULT_EXAMPLES))
    settings.load_profile("stress" if STRESS_FACTOR else "repeatable")


def examples(count: int) -> settings:
    """Return settings with which a property test tries `count` examples, and more in `make stress`."""
    return settings(max_examples=_scale(count), suppress_health_check=list(HealthCheck))


def _scale(count: int) -> int:
    return max(1, round(count * (STRESS_FACTOR or 1.0)))
