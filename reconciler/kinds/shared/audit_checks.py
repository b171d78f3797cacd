"""The audit checks that the account has enabled, and the scheduled audits that use them."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.base.context import PlanContext
from reconciler.model.address import Address
from reconciler.model.change import Create, Delete, Replace, Update
from reconciler.model.resource import NOT_COMPARED

TABLE = "account.audit"
ADDRESS = Address.parse(TABLE)
"""The address of the settings of audits."""

SCHEDULED_AUDITS = "scheduled_audits"


def find_planned_checks(context: PlanContext) -> frozenset[str] | None:
    """Return the checks that are enabled after the plan changes them, or None if it does not."""
    change = context.changes.get(ADDRESS)
    if not isinstance(change, Create | Update):
        return None
    checks = change.resource.spec.audit_check_configurations
    return None if checks is NOT_COMPARED else frozenset(checks)


def iterate_users(context: PlanContext) -> Iterator[tuple[Address, frozenset[str], frozenset[str]]]:
    """Yield each live scheduled audit of the workspace, with its checks before and after the plan."""
    for address, live in context.live.items():
        if address.kind != SCHEDULED_AUDITS:
            continue
        before = frozenset(live.spec.target_check_names)
        change = context.changes.get(address)
        if isinstance(change, Update | Replace):
            yield address, before, frozenset(change.resource.spec.target_check_names)
        else:
            yield address, before, frozenset() if isinstance(change, Delete) else before
