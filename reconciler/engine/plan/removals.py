"""Resources removed from the file: forgotten, renamed, kept or deleted. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TypeAlias

from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.declarations import OwnedThrough
from reconciler.kinds.shared.ownership_markers import list_reserved_addresses
from reconciler.model.address import ALL_NAMES, Address
from reconciler.model.change import Change, Create, Delete, FieldChange, Forget
from reconciler.model.resource import Desired, Inventory, Origin, Resource
from reconciler.model.settings import DesiredState

Changes: TypeAlias = Mapping[Address, Change]

Renames: TypeAlias = Mapping[Address, Address]
"""The new address of each renamed resource by its old one.

AWS cannot rename: the old resource is deleted, and the new one is created.
"""

RENAME_PATH = "renamed"
"""The path under which a plan shows a rename."""


def forget_removed(changes: Changes, live: Inventory, state: DesiredState) -> Changes:
    """Return the changes with `Forget` instead of `Delete` for the addresses in the file's `[[removed]]`.

    The certificates of a forgotten thing are forgotten too: they have no ownership marker of their own, so without the thing they
    would have no owner.
    """
    forget_origins = _find_forgotten(changes, live, state)
    for address in list(forget_origins):
        for owned_address in _find_owned_addresses(address, live):
            if isinstance(changes.get(owned_address), Delete):
                forget_origins.setdefault(owned_address, forget_origins[address])
    return {
        address: Forget(address, change.live, forget_origins[address])
        if address in forget_origins and isinstance(change, Delete)
        else change
        for address, change in changes.items()
    }


def _find_forgotten(changes: Changes, live: Inventory, state: DesiredState) -> dict[Address, Origin]:
    """Return the addresses in `[[removed]]` that would be deleted, each with the place of its entry."""
    origins_by_kind = {
        address.kind: origin for address, origin in state.removed.items() if address.name == ALL_NAMES
    }
    markers = list_reserved_addresses(state.settings.name)
    origins = {
        address: origins_by_kind[address.kind]
        for address in changes
        if address.kind in origins_by_kind and address not in state.resources and address not in markers
    }
    live_addresses = find_live_addresses(state.removed, live)
    origins |= {address: state.removed[removed] for removed, address in live_addresses.items()}
    return {
        address: origin for address, origin in origins.items() if isinstance(changes.get(address), Delete)
    }


def forget_undeletable(changes: Changes) -> Changes:
    """Return the changes with `Forget` instead of `Delete` for what AWS cannot delete."""
    kinds = all_kinds()
    return {
        address: Forget(address, change.live, origin=None)
        if isinstance(change, Delete) and kinds[address.kind].is_kept_on_removal(change, changes)
        else change
        for address, change in changes.items()
    }


def keep_attached_certificates(desired: Desired, live: Inventory, workspace: str) -> Desired:
    """Return the desired state, changed to keep orphaned certificates attached to their things.

    Workspaces that do not prune need this: a certificate is owned through its things, so a detached one would have no owner.
    """
    changed_desired = dict(desired)
    for kind in all_kinds().values():
        if kind.owned_through:
            orphan_names = {
                address.name
                for address, live_resource in live.items()
                if address.kind == kind.table and address not in desired and live_resource.owner == workspace
            }
            changed_desired |= _keep_references(orphan_names, kind.owned_through, changed_desired, live)
    return changed_desired


def _keep_references(
    orphan_names: set[str], owned_through: OwnedThrough, desired: Desired, live: Inventory
) -> dict[Address, Resource]:
    """Return the desired owners (things) of orphans (certificates), changed to keep their live references."""
    owners: dict[Address, Resource] = {}
    field = owned_through.field
    for address, resource in desired.items():
        if address.kind == owned_through.table and address in live:
            attached_orphans = orphan_names.intersection(map(str, getattr(live[address].spec, field)))
            if attached_orphans:
                references = tuple(sorted({*getattr(resource.spec, field), *attached_orphans}, key=str))
                owners[address] = replace(resource, spec=evolve(resource.spec, **{field: references}))
    return owners


def _find_owned_addresses(owner: Address, live: Inventory) -> Iterator[Address]:
    """Yield the resources that are owned because `owner` refers to them, such as a thing's certificates."""
    for kind in all_kinds().values():
        if kind.owned_through and kind.owned_through.table == owner.kind:
            for reference in getattr(live[owner].spec, kind.owned_through.field):
                yield Address(kind.table, str(reference))


def find_kept_orphans(changes: Changes, renames: Renames) -> Inventory:
    """Return the orphans that stay if nothing is pruned: all but the renamed and the forgotten ones."""
    return {
        address: change.live
        for address, change in changes.items()
        if isinstance(change, Delete) and address not in renames
    }


def find_renames(changes: Changes, moved: Mapping[Address, Address]) -> Renames:
    """Return the renames in `moved` that need a deletion and a creation."""
    return {
        old: new
        for old, new in moved.items()
        if isinstance(changes.get(old), Delete) and isinstance(changes.get(new), Create)
    }


def show_renames(changes: Changes, renames: Renames) -> Changes:
    """Return the changes, with the rename as the first field of both its deletion and its creation."""
    changes_with_renames = dict(changes)
    for old, new in renames.items():
        rename = FieldChange(RENAME_PATH, str(old), str(new))
        for address in (old, new):
            change = changes_with_renames[address]
            changes_with_renames[address] = evolve(change, fields=(rename, *change.fields))
    return changes_with_renames


def find_deletion_blockers(address: Address, context: PlanContext) -> list[Address]:
    """Return the live resources whose references keep AWS from deleting a resource."""
    blocking_kinds = all_kinds()[address.kind].deletion_blockers
    users = context.live_users.get(address, ())
    return [user for user in users if blocking_kinds is None or user.kind in blocking_kinds]


def find_live_addresses(addresses: Collection[Address], live: Inventory) -> Mapping[Address, Address]:
    """Return the address of the live resource that each address means, without those that mean none.

    Each of `addresses` has either the resource's name or its AWS ID.
    """
    live_addresses = {address: address for address in addresses if address in live}
    unnamed = {(address.kind, address.name): address for address in addresses if address not in live}
    if unnamed:
        for live_address, resource in live.items():
            if address := unnamed.get((live_address.kind, resource.identity)):
                live_addresses.setdefault(address, live_address)
    return live_addresses
