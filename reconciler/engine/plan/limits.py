"""Limits on how many resources one plan may delete or replace."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping

from reconciler.engine.plan.compare import Comparison
from reconciler.frozen_classes import frozen
from reconciler.kinds import all_kinds
from reconciler.kinds.shared.ownership_markers import list_reserved_addresses
from reconciler.model.address import Address
from reconciler.model.change import Change, Update
from reconciler.model.plan_options import LIMITED_ACTIONS, LimitOverride, PlanOptions
from reconciler.model.settings import ChangeLimit, DesiredState

DEFAULT_MAX_PERCENT = 30
DEFAULT_EXEMPT_COUNT = 10
"""The default limit rejects the deletion or replacement of resources that are more than 30 percent and also more than ten: two of
three devices may be deleted, but not forty of a hundred. octoDNS protects DNS zones with the same numbers
(octodns/provider/plan.py)."""


@frozen
class _LimitedCount:
    """How many resources a plan or a wave deletes or replaces, of all kinds or of one kind.

    - `subject`: what deletes or replaces them, the plan or one of its waves;
    - `action`: "delete" or "replace";
    - `count`: the number of resources that the subject deletes or replaces, as limits count them;
    - `owned`: the number of resources that the workspace owns, of all kinds or of this one;
    - `noun`: the name of the resources in messages;
    - `setting`: the table in the file with the limits, such as `workspace.limits.things`.
    """

    subject: str
    action: str
    count: int
    owned: int
    noun: str
    setting: str

    def check_settings(self, limit: ChangeLimit) -> Iterator[str]:
        """Yield an error for each limit in the table that is exceeded."""
        max_percent, max_count = self._select_limits(limit)
        if max_percent is not None and self._exceeds_percent(max_percent):
            yield self._format_error(f"{self.setting}.{self.action}_percent = {max_percent}")
        if max_count is not None and self.count > max_count:
            yield self._format_error(f"{self.setting}.{self.action}_count = {max_count}")

    def check_default(self, limit: ChangeLimit) -> Iterator[str]:
        """Yield an error if the table has no limit for this action and the default limit is exceeded."""
        is_limited = any(value is not None for value in self._select_limits(limit))
        is_exempt = self.count <= DEFAULT_EXEMPT_COUNT
        if not is_limited and not is_exempt and self._exceeds_percent(DEFAULT_MAX_PERCENT):
            yield self._format_error(
                f"the default {self.setting}.{self.action}_percent = {DEFAULT_MAX_PERCENT}"
            )

    def check_override(self, override: LimitOverride) -> Iterator[str]:
        """Yield an error if the limit of this run is exceeded."""
        if override.count is not None:
            is_exceeded = self.count > override.count
        else:
            is_exceeded = self._exceeds_percent(override.percent or 0.0)
        if is_exceeded:
            yield f"{self._format_summary()}, which exceeds the {override.text} that this run allows"

    def _select_limits(self, limit: ChangeLimit) -> tuple[int | None, int | None]:
        """Return the maximum percentage and the maximum count for the action, None where there is no limit."""
        if self.action == "delete":
            return limit.delete_percent, limit.delete_count
        return limit.replace_percent, limit.replace_count

    def _exceeds_percent(self, percent: float) -> bool:
        return self.count * 100 > percent * self.owned

    def _format_error(self, limit: str) -> str:
        return f"{self._format_summary()}, which exceeds {limit}; to allow it once, pass --allow-{self.action} {self.count}"

    def _format_summary(self) -> str:
        return f"{self.subject} would {self.action} {self.count:,} of {self.owned:,} {self.noun}"


def find_exceeded_limits(state: DesiredState, options: PlanOptions, comparison: Comparison) -> Iterator[str]:
    """Yield an error for each limit that the changes exceed.

    A limit of this run is checked instead of those in `[workspace.limits]` and the default. Percentages are of the resources
    that the workspace owns, of all kinds or of one kind. If replacements are made in waves, the largest wave counts. Renames
    count as replacements; changes of ownership markers do not count.
    """
    limits, workspace = state.settings.limits, state.settings.name
    markers = list_reserved_addresses(workspace)
    owned = Counter(
        address.kind
        for address, live in comparison.live.items()
        if live.owner == workspace and address not in markers
    )
    counts_by_action = _count_actions(comparison, markers)
    for action in LIMITED_ACTIONS:
        wave_percent = options.wave_percent if action == "replace" else 100.0
        subject = "the plan" if wave_percent == 100.0 else "a wave of the plan"  # noqa: PLR2004
        counts = counts_by_action[action]
        total = _LimitedCount(
            subject=subject,
            action=action,
            count=_count_in_wave(counts.total(), wave_percent),
            owned=owned.total(),
            noun="resources",
            setting="workspace.limits",
        )
        override = options.limit_overrides.get(action)
        if override is not None:
            yield from total.check_override(override)
            continue
        yield from total.check_settings(limits)
        yield from total.check_default(limits)
        for table, limit in limits.kinds.items():
            kind_count = _LimitedCount(
                subject=subject,
                action=action,
                count=_count_in_wave(counts[table], wave_percent),
                owned=owned[table],
                noun=table.replace("_", " "),
                setting=f"workspace.limits.{table}",
            )
            yield from kind_count.check_settings(limit)


def _count_in_wave(count: int, wave_percent: float) -> int:
    return math.ceil(count * wave_percent / 100)


def _count_actions(comparison: Comparison, markers: frozenset[Address]) -> Mapping[str, Counter[str]]:
    """Return action → kind → the number of its changes that limits count; a rename is a replacement."""
    counts: dict[str, Counter[str]] = {action: Counter() for action in LIMITED_ACTIONS}
    for address, change in comparison.changes.items():
        if address in markers:
            continue
        action = "replace" if address in comparison.renames else _find_limited_action(change)
        if action in counts:
            counts[action][address.kind] += 1
    return counts


def _find_limited_action(change: Change) -> str | None:
    """Return the action as which a change counts, or None if it counts nothing.

    For example, the deletion of a rotated certificate counts nothing, because the rotation was counted in an earlier plan.
    """
    kind = all_kinds()[change.address.kind]
    if kind.exempt_from_limits(change):
        return None
    return "replace" if isinstance(change, Update) and kind.counts_as_replacement(change) else change.action
