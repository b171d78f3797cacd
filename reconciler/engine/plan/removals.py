"""What becomes of what has left the file: it is deleted, unless the file says that it stays. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve

from reconciler.model.address import Address
from reconciler.model.change import Change, Create, Delete, FieldChange, Forget
from reconciler.model.resource import Desired, Inventory, Origin

Changes = Mapping[Address, Change]

RENAME_PATH = "renamed"
"""The path under which a plan shows that one comes in another's place."""


def forget_removed(changes: Changes, live: Inventory, removed: Mapping[Address, Origin]) -> Changes:
    """The changes with what is `removed` forgotten where it would be deleted.

    A certificate bears no mark of its own, so what a forgotten thing has goes with it: nobody else could say whose it is.
    """
    said = {
        address: origin
        for name, origin in removed.items()
        if (address := find_live_address(name, live)) and isinstance(changes.get(address), Delete)
    }
    for address in list(said):
        for name in getattr(live[address].spec, "certificates", ()):
            held = Address("certificates", str(name))
            if isinstance(changes.get(held), Delete):
                said.setdefault(held, said[address])
    return {address: _forget(change, said.get(address)) for address, change in changes.items()}


def keep_attached_certificates(desired: Desired, live: Inventory, workspace: str) -> Desired:
    """What is desired where nothing is pruned: a certificate that has left the file stays with the things that have it.

    Nothing else could say whose it is.
    """
    left = {
        address.name
        for address, found in live.items()
        if address.kind == "certificates" and address not in desired and found.owner == workspace
    }
    kept = dict(desired)
    for address, resource in desired.items():
        if address not in live:
            continue
        held = left.intersection(map(str, getattr(live[address].spec, "certificates", ())))
        if held:
            has = tuple(sorted({*resource.spec.certificates, *held}, key=str))
            kept[address] = evolve(resource, spec=evolve(resource.spec, certificates=has))
    return kept


def keep_orphans(changes: Changes, moved: Mapping[Address, Address]) -> tuple[Changes, Inventory]:
    """The changes without deletions, and what stays for that. What is only renamed goes as it would."""
    meant = {source for source, _ in find_renames(changes, moved)}
    kept = {
        address: change.live
        for address, change in changes.items()
        if isinstance(change, Delete) and address not in meant
    }
    return {address: change for address, change in changes.items() if address not in kept}, kept


def show_renames(changes: Changes, moved: Mapping[Address, Address]) -> Changes:
    """The changes, those that are a renaming saying so: AWS knows none, so one is made and the other goes."""
    said = dict(changes)
    for source, to in find_renames(changes, moved):
        told = FieldChange(RENAME_PATH, str(source), str(to))
        for address in (source, to):
            change = said[address]
            said[address] = evolve(change, fields=(told, *change.fields))
    return said


def find_renames(changes: Changes, moved: Mapping[Address, Address]) -> Iterator[tuple[Address, Address]]:
    """What goes, and what comes in its place under another name."""
    for source, to in moved.items():
        if isinstance(changes.get(source), Delete) and isinstance(changes.get(to), Create):
            yield source, to


def find_live_address(name: Address, live: Inventory) -> Address | None:
    """Where something is in the inventory: under its address, or under AWS's own id for it."""
    if name in live:
        return name
    same = (a for a, found in live.items() if a.kind == name.kind and found.identity == name.name)
    return next(same, None)


def _forget(change: Change, origin: Origin | None) -> Change:
    if origin is None or not isinstance(change, Delete):
        return change
    return Forget(change.address, change.live, origin)
