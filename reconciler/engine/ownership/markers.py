"""How many of a workspace's ownership markers a plan leaves unchanged."""

from __future__ import annotations

from reconciler.kinds.shared.ownership_markers import add_ownership_markers
from reconciler.model.plan import Plan
from reconciler.model.resource import Desired


def count_unchanged_markers(plan: Plan, resources: Desired) -> int:
    """Return how many of the resources that a plan leaves unchanged are ownership markers, not the file's.

    It is 0 for a plan of a selection, which does not count markers.
    """
    if plan.options.is_partial:
        return 0
    changed = {step.address for step in plan.steps}
    marked = add_ownership_markers(plan.workspace, resources)
    unchanged = sum(
        resource.is_ownership_marker and address not in changed for address, resource in marked.items()
    )
    return min(unchanged, plan.unchanged)
