"""The readings of edges: the attachments of certificates and other principals to things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from reconciler.frozen_classes import field, frozen
from reconciler.model.arguments import check_choice
from reconciler.model.duration import format_span, parse_duration

ReadMode: TypeAlias = Literal["all", "changed"]
"""The edges to read: those of all things, or of those that may have changed."""


READ_MODES = ("all", "changed")

_SHORT_SECONDS = 60.0
"""A reading of all edges that takes less than this needs no higher quota."""


@frozen
class RememberedSettings:
    """`[workspace.remembered]`: what `read = "changed"` may remember.

    - `max_age`: the age from which a reading is no longer used;
    - `scrub`: the time in which each run reads remembered edges again, the oldest first;
    - `unexplained`: what happens if such an edge has changed and nothing explains it: `read all`, or `warn`.
    """

    max_age: str = "7d"
    scrub: str = "5m"
    unexplained: Literal["read all", "warn"] = "read all"

    @property
    def max_age_seconds(self) -> float:
        """The age in seconds from which a reading is no longer used."""
        return parse_duration(self.max_age) or 0.0

    @property
    def scrub_seconds(self) -> float:
        """The seconds in which each run reads remembered edges again."""
        return parse_duration(self.scrub) or 0.0


@frozen(kw_only=True)
class EdgeReadings:
    """How the edges of the workspace's things were read.

    - `read_now`: the number of things whose edges this run read, and `reasons` why: reason → number;
    - `remembered`: the number of things whose edges earlier runs read;
    - `oldest_seconds`: the age of the oldest remembered reading, and `max_age_seconds` the limit;
    - `calls_per_second`: the quota of the call that reads the edges of one thing;
    - `limit`: what limits this reading: a text for people, or empty;
    - `warnings`: what makes the remembered edges less certain.
    """

    read_now: int
    remembered: int
    oldest_seconds: float
    max_age_seconds: float
    calls_per_second: float
    reasons: Mapping[str, int] = field(factory=dict)
    limit: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The statement that every plan and drift has."""
        oldest = f", oldest {format_span(self.oldest_seconds)}" if self.remembered else ""
        counts = f"{self.read_now:,} read now, {self.remembered:,} remembered"
        return f"edges: {counts}{oldest} (limit {format_span(self.max_age_seconds)})"

    @property
    def explanation(self) -> str:
        """Why edges were read, and what limits the reading."""
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.reasons.items())
        parts = [f"edges read now: {reasons}"] if reasons else []
        return "; ".join([*parts, *([self.limit] if self.limit else [])])


def check_read_mode(read: str | None) -> None:
    """Raise ValueError if `read` is neither None nor one of the modes."""
    if read is not None:
        check_choice("read", read, READ_MODES)


def describe_edges(edges: EdgeReadings | None) -> tuple[str, ...]:
    """Return the lines that describe how the edges were read, none if all were read."""
    return tuple(filter(None, (edges.summary, edges.explanation))) if edges else ()


def describe_edge_warnings(edges: EdgeReadings | None) -> tuple[str, ...]:
    """Return the warnings of remembered edges."""
    return tuple(f"edges: {warning}" for warning in edges.warnings) if edges else ()


def merge_edges(readings: Sequence[EdgeReadings]) -> EdgeReadings:
    """Return the sums of several readings, at least one, with the oldest age and the largest limit."""
    return EdgeReadings(
        read_now=sum(edges.read_now for edges in readings),
        remembered=sum(edges.remembered for edges in readings),
        oldest_seconds=max(edges.oldest_seconds for edges in readings),
        max_age_seconds=max(edges.max_age_seconds for edges in readings),
        calls_per_second=min(edges.calls_per_second for edges in readings),
    )


def describe_quota(things: int, calls_per_second: float) -> str:
    """Describe how long reading all edges takes, and how long with five times the quota.

    The description of a short time is empty.
    """
    if things / calls_per_second < _SHORT_SECONDS:
        return ""
    now, then = (format_span(things / rate) for rate in (calls_per_second, 5 * calls_per_second))
    return (
        f"reading all {things:,} takes {now} at {calls_per_second:g} calls a second, and {then} with a quota of "
        f"{5 * calls_per_second:g}"
    )
