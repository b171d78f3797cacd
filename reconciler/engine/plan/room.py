"""Find creations that AWS would reject because deletions that make room for them come later. Pure.

A creation waits for every deletion of its kind that does not have to wait for it (`steps.py`). A deletion has to wait if a resource
changes from the old one to the new one in a single step.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.engine.plan.compare import Comparison
from reconciler.engine.plan.steps import StepDependencies, depends_on, find_dependencies
from reconciler.kinds import all_kinds
from reconciler.kinds.base.aws_limits import Limit
from reconciler.kinds.base.context import PlanContext
from reconciler.model.address import Address
from reconciler.model.change import Create, Delete
from reconciler.model.resource import Desired
from reconciler.model.text import join_some


def find_room_errors(comparison: Comparison, context: PlanContext, resources: Desired) -> Iterator[str]:
    """Yield an error for each limit that the account exceeds during the plan, but not after it.

    `resources` are those in the file.
    """
    limits = {table: kind.account_limit for table, kind in all_kinds().items() if kind.account_limit}
    dependencies: StepDependencies | None = None
    for table, limit in limits.items():
        changes = [change for change in comparison.changes.values() if change.address.kind == table]
        creations = sorted(change.address for change in changes if isinstance(change, Create))
        deletions = sorted(change.address for change in changes if isinstance(change, Delete))
        count = len(context.outside.listed_ids.get(table, ()))
        is_full = count + len(creations) > limit.maximum
        if deletions and is_full and count + len(creations) - len(deletions) <= limit.maximum:
            dependencies = dependencies or find_dependencies(comparison, context, resources)
            yield from _find_early_creation(limit, count, creations, deletions, dependencies)


def _find_early_creation(
    limit: Limit,
    count: int,
    creations: list[Address],
    deletions: list[Address],
    dependencies: StepDependencies,
) -> Iterator[str]:
    """Yield an error for the first creation that AWS may reject; `count` resources exist before the plan."""
    for creation in creations:
        later_deletions = [
            address for address in deletions if not depends_on(creation, {address}, dependencies)
        ]
        later_creations = [
            address
            for address in creations
            if address != creation and depends_on(address, {creation}, dependencies)
        ]
        deleted = len(deletions) - len(later_deletions)
        created = len(creations) - len(later_creations)
        if count - deleted + created > limit.maximum:
            yield (
                f"{creation}: cannot create: AWS allows {limit.maximum:,} {limit.counted}, and this plan has to create it "
                f"before it deletes {join_some(map(str, later_deletions))}, because a resource changes from one to the "
                "other; apply the deletion first, without the new one"
            )
            return
