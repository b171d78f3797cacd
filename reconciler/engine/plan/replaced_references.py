"""Replace the resources that keep the ID of a replaced one until they are replaced too. Pure.

AWS assigns a new ID to the replacement of a resource such as a managed thing, and the ID of a package version contains its name. A
resource that AWS lets refer to it only at its own creation, such as an event log configuration or a job template, would keep the old ID.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.references import find_references, list_reference_members, replace_references
from reconciler.model.address import Address
from reconciler.model.change import Change, FieldChange, Replace, Update
from reconciler.model.resource import Desired, External, Inventory, Live, Reference, Resource


def replace_dependents(
    changes: Mapping[Address, Change], desired: Desired, live: Inventory
) -> dict[Address, Change]:
    """Return the changes, and replacements of what would keep the ID of a replaced resource."""
    all_changes = dict(changes)
    replaced = {address for address, change in changes.items() if isinstance(change, Replace)}
    while replaced:
        replacements = [*_iterate_replacements(all_changes, replaced, desired, live)]
        all_changes |= {change.address: change for change in replacements}
        replaced = {change.address for change in replacements}
    return all_changes


def find_users_to_delete(change: Change, context: PlanContext) -> list[Address]:
    """Return the users that the step of a replacement deletes, each after those that use it in turn.

    Those that use a resource through another one with `users_follow_replacements` are among them.
    """
    users: dict[Address, None] = {}
    if isinstance(change, Replace) and all_kinds()[change.address.kind].users_follow_replacements:
        for user in context.live_users.get(change.address, ()):
            user_change = context.changes.get(user)
            if isinstance(user_change, Replace):
                users |= dict.fromkeys([*find_users_to_delete(user_change, context), user])
    return [*users]


def is_deleted_by_dependency(change: Change, context: PlanContext) -> bool:
    """Return whether an earlier step deletes a replaced resource, after those that use it."""
    if not isinstance(change, Replace):
        return False
    references = {*find_references(change.live.spec)} & {*find_references(change.resource.spec)}
    return any(
        change.address in find_users_to_delete(context.changes[reference], context)
        for reference in references & context.changes.keys()
    )


def _iterate_replacements(
    changes: Mapping[Address, Change], replaced: set[Address], desired: Desired, live: Inventory
) -> Iterator[Replace]:
    """Yield the replacements of resources that refer to the resources in `replaced`."""
    renewed = {address for address in replaced if _gets_another_id(address, desired, live)}
    tables = {address.kind for address in renewed}
    users = {
        table
        for table, kind in all_kinds().items()
        if any(member.references in tables for member in kind.members.values())
    }
    for address, resource in desired.items():
        change = changes.get(address)
        if address.kind not in users or address not in live or isinstance(change, Replace):
            continue
        added = tuple(_iterate_fields(resource, live[address], renewed, live))
        if added:
            fields = change.fields if isinstance(change, Update) else ()
            yield Replace(resource, live[address], (*fields, *added))


def _gets_another_id(address: Address, desired: Desired, live: Inventory) -> bool:
    """Return whether a replaced resource gets another ID, from AWS or from the file."""
    kind = all_kinds()[address.kind]
    return bool(kind.id_member) or kind.identity(desired[address]) != live[address].identity


def _iterate_fields(
    resource: Resource, live: Live, replaced: set[Address], inventory: Inventory
) -> Iterator[FieldChange]:
    """Yield the fields with references that only a creation sets, and that are about to become wrong."""

    def to_old_id(reference: Reference, table: str) -> Reference:
        address = Address(table, str(reference))
        is_replaced = isinstance(reference, str) and address in replaced
        return External(inventory[address].identity) if is_replaced else reference

    old_spec = replace_references(live.spec, to_old_id)
    for member in list_reference_members(type(resource.spec)):
        before, after = getattr(old_spec, member.name), getattr(resource.spec, member.name)
        is_kept = getattr(live.spec, member.name) == after
        if member.on_change == "replaces" and is_kept and before != after:
            yield FieldChange(member.name, before=before, after=after, forces_replacement=True)
