"""Limits on how much of a fleet one plan may delete or replace."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping

from attrs import frozen

from reconciler.engine.plan.removals import find_renames
from reconciler.kinds import all_kinds
from reconciler.kinds.shared.ownership_markers import reserved_addresses
from reconciler.model.address import Address
from reconciler.model.change import Change, Update
from reconciler.model.plan_options import LimitOverride
from reconciler.model.resource import Inventory
from reconciler.model.settings import ChangeLimit, DesiredState

DEFAULT_MAX_PERCENT = 30
DEFAULT_EXEMPT_COUNT = 10
"""Where the file says no limit: over 30 per cent are refused, once they are more than ten. octoDNS, which guards DNS zones
in this way, takes the same two numbers (octodns/provider/plan.py). Two of three devices go without a word, forty do not."""

LIMITED_ACTIONS = ("delete", "replace")
"""The actions that are limited."""


@frozen
class _Fuse:
    """One limit: how many of how many, in which table, and what it says."""

    action: str
    count: int
    owned: int
    what: str
    table: str

    def blown(self, limit: ChangeLimit, *, default: bool) -> Iterator[str]:
        percent, most = getattr(limit, f"{self.action}_percent"), getattr(limit, f"{self.action}_count")
        name = f"{self.table}.{self.action}"
        if percent is not None and self._over(percent):
            yield self._told(f"the {percent} % that {name}_percent allows")
        if most is not None and self.count > most:
            yield self._told(f"the {most} that {name}_count allows")
        if (
            default
            and percent is None
            and most is None
            and self.count > DEFAULT_EXEMPT_COUNT
            and self._over(DEFAULT_MAX_PERCENT)
        ):
            yield self._told(
                f"the {DEFAULT_MAX_PERCENT} % that are allowed where {name}_percent says nothing"
            )

    def exceeds(self, allowed: LimitOverride) -> Iterator[str]:
        """The same against what this run allows."""
        over = self.count > allowed.count if allowed.count is not None else self._over(allowed.percent or 0.0)
        if over:
            yield f"the plan would {self._many()}, more than the {allowed.text} that this run allows"

    def _over(self, percent: float) -> bool:
        return self.count * 100 > percent * self.owned

    def _many(self) -> str:
        return f"{self.action} {self.count:,} of {self.owned:,} {self.what}"

    def _told(self, most: str) -> str:
        how = f"if that is meant, allow it for this run with --allow-{self.action} {self.count}"
        return f"the plan would {self._many()}, more than {most}; {how}"


def exceeded_limits(
    state: DesiredState,
    live: Inventory,
    changes: Mapping[Address, Change],
    allowed: Mapping[str, LimitOverride],
    wave: float = 100.0,
) -> Iterator[str]:
    """Which of `[workspace.limits]` the changes exceed, or, where this run has an allowance, whether they exceed that.

    Percent are of what the workspace owns, all together or of one kind. Replacements may be made in waves; then `wave` is
    how many per cent of them are made at a time. What is only renamed counts as replaced; the marks do not count.
    """
    limits, workspace = state.settings.limits, state.settings.name
    marks = reserved_addresses(workspace)
    owned = Counter(a.kind for a, found in live.items() if found.owner == workspace and a not in marks)
    changes = {address: change for address, change in changes.items() if address not in marks}
    for action in LIMITED_ACTIONS:
        counts, part = _counts(action, changes, state.moved), wave if action == "replace" else 100.0
        total = math.ceil(counts.total() * part / 100)
        whole = _Fuse(action, total, owned.total(), "resources", "workspace.limits")
        if action in allowed:
            yield from whole.exceeds(allowed[action])
            continue
        yield from whole.blown(limits, default=True)
        for kind, limit in limits.kinds.items():
            count, what = math.ceil(counts[kind] * part / 100), kind.replace("_", " ")
            one = _Fuse(action, count, owned[kind], what, f"workspace.limits.{kind}")
            yield from one.blown(limit, default=False)


def _acts(change: Change) -> str | None:
    """What it amounts to; nothing where an earlier plan agreed to it."""
    kind = all_kinds()[change.address.kind]
    if kind.exempt_from_limits(change):
        return None
    return "replace" if isinstance(change, Update) and kind.counts_as_replacement(change) else change.action


def _counts(action: str, changes: Mapping[Address, Change], moved: Mapping[Address, Address]) -> Counter[str]:
    """How many of each kind."""
    sources = {source for source, _ in find_renames(changes, moved)}
    counts = Counter(
        address.kind
        for address, change in changes.items()
        if _acts(change) == action and address not in sources
    )
    return counts + Counter(source.kind for source in sources) if action == "replace" else counts
