"""Describe how the edges of a plan or a drift were read, and what limits the reading."""

from __future__ import annotations

import math

from reconciler.engine.remembered.edges import EXPIRED, TURN, RememberedEdges
from reconciler.model.edge_readings import EdgeReadings, describe_quota


def describe_readings(remembered: RememberedEdges) -> EdgeReadings:
    """Return how many edges were read and remembered, how old these are, and what limits the reading."""
    times = remembered.remembered.values()
    return EdgeReadings(
        read_now=remembered.read_count,
        remembered=len(times),
        oldest_seconds=remembered.now - min(times, default=remembered.now),
        max_age_seconds=remembered.settings.max_age_seconds,
        calls_per_second=remembered.rate,
        reasons=dict(remembered.reasons.most_common()),
        limit=_describe_limit(remembered),
        warnings=tuple(remembered.warnings),
    )


def _describe_limit(remembered: RememberedEdges) -> str:
    """Describe which of max_age, scrub and the quota limits the reading.

    For a large fleet, also describe what a higher quota would save.
    """
    total = remembered.read_count + len(remembered.remembered)
    if not total:
        return ""
    limits = [_find_limit(remembered, total), describe_quota(total, remembered.rate)]
    return "; ".join(filter(None, limits))


def _find_limit(remembered: RememberedEdges, total: int) -> str:
    settings, expired = remembered.settings, remembered.reasons[EXPIRED]
    if expired:
        # If none is young enough, the runs are further apart than max_age, and no scrub reads edges in time.
        advice = "; a longer scrub reads them in time" if remembered.remembered else ""
        return f'max_age = "{settings.max_age}" limits: {expired:,} readings had expired{advice}'
    if remembered.remembered:
        turns = remembered.reasons[TURN]
        rounds = (
            f"all have their turn in {math.ceil(total / turns):,} runs"
            if turns
            else "no edges have their turn"
        )
        return f'scrub = "{settings.scrub}" limits: {rounds}'
    return "the quota limits" if describe_quota(total, remembered.rate) else ""
