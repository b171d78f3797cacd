"""Give live resources names, and replace AWS's IDs with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

from attrs import evolve

from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import Scope
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.references import replace_references
from reconciler.model.address import Address
from reconciler.model.resource import External, Inventory, Live, Reference

Names: TypeAlias = Mapping[tuple[str, str], str | None]
"""The name of each resource by table and AWS ID; None for a resource that is only kept for a grace period."""


def assign_names(scope: Scope) -> tuple[Inventory, Names]:
    """Return the live resources by address, with names instead of IDs in their specs, and the names. Pure."""
    names: dict[tuple[str, str], str | None] = {}
    live_resources: dict[Address, Live] = {}
    for table, kind in all_kinds().items():
        names_by_identity = _assign_names_of_kind(kind, scope)
        for live in scope.live_by_kind[table]:
            name = names_by_identity[live.identity]
            # References to a resource in its grace period are not compared, so `names` has None for it.
            names[table, live.identity] = None if live.kept_until else name
            address = Address(table, name)
            resource = scope.desired.get(address)
            # An equal address of the file is used instead of the new object, to save memory.
            live_resources[resource.address if resource else address] = live
    inventory = {
        address: evolve(live, spec=replace_ids_with_names(live.spec, names))
        for address, live in sorted(live_resources.items())
    }
    return inventory, names


def _assign_names_of_kind(kind: Kind, scope: Scope) -> Mapping[str, str]:
    """Return the name of every live resource of a kind, by AWS ID."""
    names = _find_names_by_identity(kind, scope)
    unmatched_live = sorted(
        (live for live in scope.live_by_kind[kind.table] if live.identity not in names),
        key=lambda live: live.identity,
    )
    names |= _find_names_by_pairing(kind, scope, unmatched_live, taken_names=set(names.values()))
    unnamed_live = [live for live in unmatched_live if live.identity not in names]
    return names | _choose_fallback_names(kind, scope, unnamed_live, taken_names=set(names.values()))


def _find_names_by_identity(kind: Kind, scope: Scope) -> dict[str, str]:
    """Return, by AWS ID, the names of the live resources whose AWS ID follows from the file."""
    declared_names = {
        kind.identity(resource): resource.address.name for resource in scope.iterate_resources(kind.table)
    }
    return {
        live.identity: declared_names[live.identity]
        for live in scope.live_by_kind[kind.table]
        if live.identity in declared_names
    }


def _find_names_by_pairing(
    kind: Kind, scope: Scope, unmatched_live: Sequence[Live], *, taken_names: AbstractSet[str]
) -> dict[str, str]:
    """Return, by AWS ID, the names of the live resources that the kind pairs with declared ones.

    The AWS IDs of the live resources in `unmatched_live` do not follow from the file.
    """
    unmatched_resources = [
        resource
        for resource in scope.iterate_resources(kind.table)
        if resource.address.name not in taken_names
    ]
    identities_by_name: dict[str, str] = {}
    for identity, name in kind.pair_unmatched(unmatched_resources, unmatched_live, scope).items():
        if name not in taken_names:
            identities_by_name.setdefault(name, identity)
    return {identity: name for name, identity in identities_by_name.items()}


def _choose_fallback_names(
    kind: Kind, scope: Scope, unnamed_live: Sequence[Live], *, taken_names: AbstractSet[str]
) -> dict[str, str]:
    """Return, by AWS ID, the names of live resources that are not in the file.

    Such a resource keeps the name that it was declared with. If the registry does not store that name, or another resource has
    it, the resource is named by its AWS ID.
    """
    used_names = {*taken_names, *(resource.address.name for resource in scope.iterate_resources(kind.table))}
    names: dict[str, str] = {}
    for live in unnamed_live:
        declared_name = live.declared_name
        name = declared_name if declared_name and declared_name not in used_names else live.identity
        names[live.identity] = name
        used_names.add(name)
    return names


def replace_ids_with_names(spec: Any, names: Names) -> Any:
    """Return the spec with names instead of IDs in its references; the same object if nothing changes.

    A reference that has no name in `names` becomes the bare ID. References in arrays are sorted; those whose name is None are dropped.
    """

    def replace(reference: Reference, table: str) -> Reference | None:
        if isinstance(reference, str):
            return reference
        identity = reference.name
        return names.get((table, identity), External(identity))

    return replace_references(spec, replace)
