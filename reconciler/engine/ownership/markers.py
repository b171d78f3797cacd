"""Count the ownership markers that a plan leaves unchanged."""

from __future__ import annotations

from reconciler.model.plan import Plan


def count_unchanged_markers(plan: Plan) -> int:
    """Return how many of a plan's unchanged resources are ownership markers, which are not in the file.

    The number is 0 for a partial plan, because its `unchanged` does not include ownership
    markers.
    """
    if plan.options.is_partial or not plan.unchanged:
        return 0
    changed_addresses = {change.address for change in plan.changes}
    count = sum(
        resource.is_ownership_marker and address not in changed_addresses
        for address, resource in plan.basis.desired.items()
    )
    # A destroy leaves nothing unchanged, but has no steps for markers that do not exist.
    return min(count, plan.unchanged)
