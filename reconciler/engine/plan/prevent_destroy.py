"""`lifecycle.prevent_destroy`: what must not be deleted or replaced, by the file, or by what the registry remembers of it.

A table that is taken out says nothing any more. So what is applied with `prevent_destroy` is marked: by a tag, or, where
AWS has no tags, by a thing group. Taking the mark off is an update like any other, and a deletion has to wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.engine.plan.compare import Comparison
from reconciler.engine.plan.removals import find_renames
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.shared.ownership_markers import reserved_addresses
from reconciler.model.address import Address
from reconciler.model.change import Delete, Replace
from reconciler.model.settings import DesiredState

_FIRST = "say prevent_destroy = false there, apply that, and then go on"


def check_prevent_destroy(
    state: DesiredState, found: Comparison, world: PlanContext, *, destroy: bool
) -> Iterator[str]:
    """Why, for each thing that the plan would destroy and must not."""
    if destroy:  # provisioned things are deleted as what they are made of
        for address, resource in state.resources.items():
            if all_kinds()[address.kind].composed_of and resource.lifecycle.prevent_destroy:
                yield _said(address, "delete")
    for address, change in found.changes.items():
        if isinstance(change, Delete | Replace):
            declared = state.resources.get(address)
            if declared and declared.lifecycle.prevent_destroy:
                yield _said(address, change.action)
            elif change.live.prevent_destroy:
                yield from _remembered(change, world)
    for source, to in find_renames(found.changes, state.moved):
        if state.resources[to].lifecycle.prevent_destroy:
            how = f"AWS renames nothing, so the plan would make a new one and delete {source}"
            yield f"{to}: {how}, and its lifecycle.prevent_destroy forbids that"


def _said(address: Address, action: str) -> str:
    return f"{address}: the plan would {action} it, and its lifecycle.prevent_destroy forbids that"


def _remembered(change: Delete | Replace, world: PlanContext) -> Iterator[str]:
    """A certificate is protected through its things, so a new one may take its place; a thing's word is enough for both."""
    address = change.address
    if address in reserved_addresses(world.workspace):
        return
    if all_kinds()[address.kind].has_ownership_markers:
        why = "it was applied with lifecycle.prevent_destroy"
        yield f"{address}: the plan would {change.action} it, and {why}; {_FIRST}"
    elif isinstance(change, Delete) and not any(_goes(user, world) for user in world.live_users[address]):
        why = "it, or a thing that has it, was applied with lifecycle.prevent_destroy"
        yield f"{address}: the plan would delete it, and {why}; {_FIRST}"


def _goes(user: Address, world: PlanContext) -> bool:
    change = world.changes.get(user)
    return (
        isinstance(change, Delete)
        and change.live.prevent_destroy
        and user not in reserved_addresses(world.workspace)
    )
