"""What becomes of what has left the file: it is deleted, unless the file says that it stays. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.address import Address
from reconciler.model.change import Change, Delete, Forget
from reconciler.model.resource import Inventory, Origin

Changes = Mapping[Address, Change]


def forgetting(changes: Changes, live: Inventory, removed: Mapping[Address, Origin]) -> Changes:
    """The changes with what is `removed` forgotten where it would be deleted.

    A certificate bears no mark of its own, so what a forgotten thing has goes with it: nobody else could say whose it is.
    """
    said = {
        address: origin
        for name, origin in removed.items()
        if (address := place(name, live)) and isinstance(changes.get(address), Delete)
    }
    for address in list(said):
        for name in getattr(live[address].spec, "certificates", ()):
            held = Address("certificates", str(name))
            if isinstance(changes.get(held), Delete):
                said.setdefault(held, said[address])
    return {address: _forget(change, said.get(address)) for address, change in changes.items()}


def place(name: Address, live: Inventory) -> Address | None:
    """Where something is in the inventory: under its address, or under AWS's own id for it."""
    if name in live:
        return name
    same = (a for a, found in live.items() if a.kind == name.kind and found.identity == name.name)
    return next(same, None)


def _forget(change: Change, origin: Origin | None) -> Change:
    if origin is None or not isinstance(change, Delete):
        return change
    return Forget(change.address, change.live, origin)
