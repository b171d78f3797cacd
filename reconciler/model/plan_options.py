"""Options of a plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import field, frozen

from reconciler.model.address import Address
from reconciler.model.text import closest_match, format_suggestion

LIMITED_ACTIONS = ("delete", "replace")
"""The actions that a file limits, and that one run can allow."""

_MAX_DIGITS = 9
_MAX_PERCENT = 100


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
        text = str(limit)
        digits = text.strip().removesuffix("%")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > _MAX_DIGITS:
            raise ValueError(
                f"{text!r} is not a valid limit; expected a count such as 50 or a percentage such as 10%"
            )
        if not text.strip().endswith("%"):
            return cls(digits, count=int(digits))
        if int(digits) > _MAX_PERCENT:
            raise ValueError(f"{text!r} exceeds 100%; expected a percentage from 0% to 100%")
        return cls(f"{digits} %", percent=float(digits))


def parse_limit_overrides(limits: Mapping[str, str | int]) -> dict[str, LimitOverride]:
    """Parse limits by action. Raises ValueError for an action without limits, and for an invalid limit."""
    for action in limits:
        if action not in LIMITED_ACTIONS:
            suggestion = format_suggestion(closest_match(action, LIMITED_ACTIONS))
            expected = " or ".join(map(repr, LIMITED_ACTIONS))
            raise ValueError(f"allow: {action!r} has no limit; expected {expected}{suggestion}")
    return {action: LimitOverride.parse(limit) for action, limit in limits.items()}


def split_selectors(selectors: str | Collection[str]) -> tuple[str, ...]:
    """Return the selectors as a tuple; a text is one selector, not a collection of letters."""
    return (selectors,) if isinstance(selectors, str) else tuple(selectors)


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
    - `allow_cascade`: whether deletions may remove what the workspace does not own, such as the membership of other things.
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

    @property
    def is_partial(self) -> bool:
        """Whether the plan has only selected changes."""
        return bool(self.select or self.exclude or self.only_adopted)
