"""`lifecycle.prevent_destroy`: reject the deletion or replacement of protected resources.

When a table is removed from the file, its `prevent_destroy` is no longer there. Therefore the registry stores the protection as
well: in a tag or, for resources without tags, as membership in a thing group. Removing the protection is an update, and the
resource can be deleted only after that update was applied.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.engine.plan.compare import Comparison
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.shared.ownership_markers import list_reserved_addresses
from reconciler.model.address import Address
from reconciler.model.change import Delete, Replace
from reconciler.model.settings import DesiredState

_UNPROTECT_ADVICE = "to allow it, first apply its table with prevent_destroy = false"


def check_prevent_destroy(
    state: DesiredState, comparison: Comparison, context: PlanContext, *, destroying: bool
) -> Iterator[str]:
    """Yield an error for each protected resource that the plan would delete, replace or rename."""
    kinds = all_kinds()
    if destroying:
        # Composites are deleted as the resources that they consist of, so the plan has no change of them.
        for address, resource in state.resources.items():
            if kinds[address.kind].composed_of and resource.lifecycle.prevent_destroy:
                yield _format_declared_error(address, "delete")
    for address, change in comparison.changes.items():
        if isinstance(change, Delete | Replace):
            declared = state.resources.get(address)
            if declared and declared.lifecycle.prevent_destroy:
                yield _format_declared_error(address, change.action)
            elif change.live.prevent_destroy:
                yield from _check_registry_protection(change, context)
    for old, new in comparison.renames.items():
        if state.resources[new].lifecycle.prevent_destroy:
            reason = f"AWS cannot rename it, and its lifecycle.prevent_destroy forbids the deletion of {old}"
            yield f"{new}: cannot rename: {reason}; set prevent_destroy = false until the rename is applied"


def _format_declared_error(address: Address, action: str) -> str:
    return f"{address}: cannot {action}: its lifecycle.prevent_destroy forbids that; {_UNPROTECT_ADVICE}"


def _check_registry_protection(change: Delete | Replace, context: PlanContext) -> Iterator[str]:
    """Yield an error for a resource that is protected in the registry.

    A kind without ownership markers (certificates) is protected through its users (things): a certificate may be replaced, but not
    deleted. If a protected thing is deleted together with its certificate, only the error for the thing is reported.
    """
    address = change.address
    if address in list_reserved_addresses(context.workspace):
        # This is an ownership marker, which the workspace adds itself. It may be deleted; any certificates that it has are
        # checked separately.
        return
    if all_kinds()[address.kind].has_ownership_markers:
        reason = "it was applied with lifecycle.prevent_destroy"
        yield f"{address}: cannot {change.action}: {reason}; {_UNPROTECT_ADVICE}"
    elif isinstance(change, Delete) and not any(
        _is_protected_deletion(user, context) for user in context.live_users[address]
    ):
        reason = "it or a thing that it is attached to was applied with lifecycle.prevent_destroy"
        advice = "to allow it, first apply the protected resource's table with prevent_destroy = false"
        yield f"{address}: cannot delete: {reason}; {advice}"


def _is_protected_deletion(address: Address, context: PlanContext) -> bool:
    change = context.changes.get(address)
    return (
        isinstance(change, Delete)
        and change.live.prevent_destroy
        and address not in list_reserved_addresses(context.workspace)
    )
