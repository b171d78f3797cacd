"""Replacements of resources that AWS does not delete while others refer to them."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.base.context import PlanContext
from reconciler.model.change import Change, Replace
from reconciler.model.text import join_some


def find_replacement_errors(change: Change, context: PlanContext) -> Iterator[str]:
    """Yield an error for the replacement of a resource to which others still refer after the plan."""
    users = context.find_remaining_users(change.address) if isinstance(change, Replace) else ()
    if users:
        names = join_some(map(str, users))
        yield (
            f"cannot replace: still used after this plan by {names}; remove that reference first, or declare the new one "
            "under another name and refer to that"
        )
