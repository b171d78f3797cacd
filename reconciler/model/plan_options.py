"""Options of a plan."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.frozen_classes import field, frozen
from reconciler.model.address import Address
from reconciler.model.amount import parse_amount
from reconciler.model.arguments import name_argument
from reconciler.model.text import closest_match, format_suggestion, quote

LIMITED_ACTIONS = ("delete", "replace")
"""The actions that a file limits, and that one run can allow."""


@frozen
class LimitOverride:
    """The maximum number of deletions or replacements in one run, in place of the file's limits.

    Exactly one of `count` and `percent` (of the managed resources) is set; `text` is for display.
    """

    text: str
    count: int | None = None
    percent: float | None = None

    @classmethod
    def parse(cls, limit: str | int) -> LimitOverride:
        """Parse 50, `50` or `10%`. Raises ValueError."""
        amount, is_percentage = parse_amount(str(limit), "limit")
        if is_percentage:
            return cls(f"{amount} %", percent=float(amount))
        return cls(str(amount), count=amount)


def parse_limit_overrides(limits: Mapping[str, str | int]) -> dict[str, LimitOverride]:
    """Parse the argument `allow`: limits by action.

    Raises ValueError for an action without limits, and for an invalid limit.
    """
    if not isinstance(limits, Mapping):
        expected = "expected limits by action, such as {'delete': 50}"
        raise ValueError(f"allow: {limits!r} is not valid; {expected}")  # noqa: TRY004 (as for other arguments)
    overrides = {}
    for action, limit in limits.items():
        if action not in LIMITED_ACTIONS:
            suggestion = format_suggestion(closest_match(action, LIMITED_ACTIONS))
            expected = " or ".join(map(repr, LIMITED_ACTIONS))
            raise ValueError(f"allow: {action!r} has no limit; expected {expected}{suggestion}")
        with name_argument(f"allow[{action!r}]"):
            overrides[action] = LimitOverride.parse(limit)
    return overrides


@frozen
class UnmatchedSelector:
    """A selector that selects nothing.

    - `kind`: the kind that it selects, or empty;
    - `closest`: the closest address, glob or kind, or None;
    - `excludes`: whether it is one of `exclude`, and not of `select`.
    """

    text: str
    kind: str = ""
    closest: str | None = None
    excludes: bool = False

    def describe(self, place: str = "") -> str:
        """Return the message of the error; `place` is where, such as " in any of 4 environments"."""
        reason = f": there are no {self.kind.replace('_', ' ')}" if self.kind else ""
        return f"{quote(self.text)} selects nothing{place}{reason}{format_suggestion(self.closest)}"


@frozen
class PlanOptions:
    """The options of a plan.

    - `destroy`: plan the deletion of all managed resources;
    - `adopt`: the unmanaged resources that may be imported;
    - `adopt_patterns`: globs or kinds of more such resources, which a plan replaces with the addresses that they match;
    - `only_adopted`: the plan imports these resources, and has no other changes;
    - `wave_percent`: the percentage of the rotations in one wave; the plan has all rotations, but limits count only one wave;
    - `limit_overrides`: action ("delete" or "replace") → the limit that replaces the file's;
    - `select` and `exclude`: selectors of the changes to include (empty: all) and to leave out;
    - `allow_cascade`: whether deletions may remove what the workspace does not own, such as the membership of other things;
    - `allow_unmatched`: whether a selector may select nothing.
    """

    destroy: bool = False
    adopt: frozenset[Address] = frozenset()
    wave_percent: float = 100.0
    limit_overrides: Mapping[str, LimitOverride] = field(factory=dict)
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    adopt_patterns: tuple[str, ...] = field(default=(), kw_only=True)
    only_adopted: bool = field(default=False, kw_only=True)
    allow_cascade: bool = field(default=False, kw_only=True)
    allow_unmatched: bool = field(default=False, kw_only=True)

    @property
    def is_partial(self) -> bool:
        """Whether the plan has only selected changes."""
        return bool(self.select or self.exclude or self.only_adopted)
