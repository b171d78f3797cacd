"""Replace the resources that keep the ID of a replaced one until they are replaced too. Pure.

AWS assigns a new ID to the replacement of a resource such as a managed thing. A resource that AWS lets refer to it only at its own
creation, such as an event log configuration, would keep the old ID.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.kinds import all_kinds
from reconciler.model.address import Address
from reconciler.model.change import Change, FieldChange, Replace, Update
from reconciler.model.resource import Desired, External, Inventory, Live, Resource


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


def _iterate_replacements(
    changes: Mapping[Address, Change], replaced: set[Address], desired: Desired, live: Inventory
) -> Iterator[Replace]:
    """Yield the replacements of resources that refer to the resources in `replaced`."""
    tables = {address.kind for address in replaced if all_kinds()[address.kind].id_member}
    users = {
        table
        for table, kind in all_kinds().items()
        if any(member.references in tables for member in kind.members.values())
    }
    for address, resource in desired.items():
        change = changes.get(address)
        if address.kind not in users or address not in live or isinstance(change, Replace):
            continue
        added = tuple(_iterate_fields(resource, live[address], replaced, live))
        if added:
            fields = change.fields if isinstance(change, Update) else ()
            yield Replace(resource, live[address], (*fields, *added))


def _iterate_fields(
    resource: Resource, live: Live, replaced: set[Address], inventory: Inventory
) -> Iterator[FieldChange]:
    """Yield the fields with references that only a creation sets, and that are about to become wrong."""
    for member in all_kinds()[resource.address.kind].members.values():
        name = getattr(resource.spec, member.name)
        if member.references is None or member.on_change != "replaces" or not isinstance(name, str):
            continue
        reference = Address(member.references, name)
        if reference in replaced and getattr(live.spec, member.name) == name:
            old = External(inventory[reference].identity)
            yield FieldChange(member.name, before=old, after=name, forces_replacement=True)
