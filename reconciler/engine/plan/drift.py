"""Where the registry is not as the file says, told from the registry's side. Nothing is written, and nobody is kept out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import field, frozen

from reconciler.engine.plan.compare import Comparison, compare_states
from reconciler.engine.plan.diff import OWNERSHIP_PATH
from reconciler.engine.plan.refresh import Progress
from reconciler.engine.plan.selection import select_compared
from reconciler.engine.plan.unmanaged import describe_unmanaged
from reconciler.kinds.shared.ownership_markers import reserved_addresses
from reconciler.model.address import Address
from reconciler.model.call import Call
from reconciler.model.change import Change, Create, Delete, FieldChange, Forget
from reconciler.model.plan import Target
from reconciler.model.resource import Live
from reconciler.model.settings import DesiredState

DIRECTIONS: tuple[str, ...] = ("missing", "changed", "extra", "unmanaged")
"""Every direction, in the order in which they are told.

missing: the file wants it, and it is not there; changed: it is there and is another; extra: it is there, ours, and not in the
file; unmanaged: it is there without the workspace's mark.
"""


@frozen
class DriftedField:
    """One attribute: as the file has it and as it is there; None is absence."""

    path: str
    desired: Any
    live: Any
    sensitive: bool = False


@frozen
class DriftedResource:
    """One resource that is not as the file says. `origin` is where in the file it is, None where it is not in there.

    `owner` is the workspace whose mark it bears, and None where it bears none or is not there.
    """

    direction: str
    address: Address
    fields: tuple[DriftedField, ...] = ()
    origin: str | None = None
    owner: str | None = None
    identity: str | None = None


@frozen
class Drift:
    """All of it. `same` counts the resources that are as the file says; `closed` are the kinds that could not be looked at,
    and `remarks` say what else is in the account, which is nobody's drift.
    """

    workspace: str
    target: Target
    source: str
    items: tuple[DriftedResource, ...]
    unchanged: int
    unlisted: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.items)


def find_drift(  # noqa: PLR0913 (each is one thing that a drift depends on)
    state: DesiredState,
    *,
    target: Target,
    call: Call,
    progress: Progress,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Drift:
    """Read and compare; every call only reads. Raises SelectionError, AwsError and TargetError."""
    found = compare_states(state, call, progress)
    names = select_compared(found, select, exclude)
    workspace = state.settings.name
    items = tuple(item for item in _items(workspace, found) if item.address in names)
    differing = {item.address for item in items} | reserved_addresses(workspace)
    return Drift(
        workspace=workspace,
        target=target,
        source=state.digest,
        items=tuple(sorted(items, key=lambda item: (DIRECTIONS.index(item.direction), item.address))),
        unchanged=len((found.desired.keys() & names) - differing),
        unlisted=tuple(f"{table}: {why}" for table, why in found.refresh.unlisted.items()),
        notes=tuple(note.text for note in describe_unmanaged(state, found)),
    )


def _items(workspace: str, found: Comparison) -> Iterator[DriftedResource]:
    """The changes that a plan would make, seen from the other side, and what it would leave alone for want of a mark.

    The workspace's own marks are not the file's: what is missing of them before the first apply is no drift of its own.
    """
    for address, change in found.changes.items():
        if address not in reserved_addresses(workspace):
            yield _drifted(workspace, change)
    for (
        address,
        live,
    ) in found.kept_orphans.items():  # it has left the file and stays, because nothing is pruned
        yield DriftedResource("extra", address, owner=live.owner, identity=live.identity)
    for address, live in found.live.items():
        if address not in found.desired and live.owner is None:
            yield DriftedResource("unmanaged", address, identity=live.identity)


def _drifted(workspace: str, change: Change) -> DriftedResource:
    """One change from the other side."""
    if isinstance(change, Create):
        return DriftedResource("missing", change.address, _turned(change.fields), str(change.resource.origin))
    live: Live = change.live
    if isinstance(change, Delete | Forget):
        return DriftedResource(
            "extra", change.address, _turned(change.fields), owner=live.owner, identity=live.identity
        )
    fields = tuple(found for found in change.fields if found.path != OWNERSHIP_PATH)
    return DriftedResource(
        "changed" if live.owner == workspace else "unmanaged",
        change.address,
        _turned(fields),
        str(change.resource.origin),
        live.owner,
        live.identity,
    )


def _turned(fields: Sequence[FieldChange]) -> tuple[DriftedField, ...]:
    return tuple(DriftedField(found.path, found.after, found.before, found.sensitive) for found in fields)
