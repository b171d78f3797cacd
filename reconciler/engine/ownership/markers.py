"""Count the ownership markers that a plan leaves unchanged."""

from __future__ import annotations

from reconciler.kinds.shared.ownership_markers import add_ownership_markers
from reconciler.model.plan import Plan
from reconciler.model.resource import Desired


def count_unchanged_markers(plan: Plan, resources: Desired) -> int:
    """Return how many of a plan's unchanged resources are ownership markers, which are not in the file.

    `resources` are those in the file. The number is 0 for a partial plan, because its `unchanged` does not include ownership
    markers.
    """
    if plan.options.is_partial:
        return 0
    changed_addresses = {step.address for step in plan.steps}
    all_resources = add_ownership_markers(plan.workspace, resources)
    count = sum(
        resource.is_ownership_marker and address not in changed_addresses
        for address, resource in all_resources.items()
    )
    # A destroy leaves nothing unchanged, but has no steps for markers that do not exist.
    return min(count, plan.unchanged)
