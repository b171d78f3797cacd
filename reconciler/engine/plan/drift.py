"""Drift: how the registry differs from the file.

Invariant: every call only reads, and no lease is needed.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.engine.plan.compare import Comparison
from reconciler.engine.plan.diff import OWNERSHIP_PATH
from reconciler.engine.plan.read_states import read_states
from reconciler.engine.plan.read_tracker import Progress
from reconciler.engine.plan.selection import find_unmatched, select_compared
from reconciler.engine.plan.unmanaged import describe_unmanaged, find_unmanaged
from reconciler.frozen_classes import field, frozen
from reconciler.kinds.shared.ownership_markers import list_reserved_addresses
from reconciler.model.address import Address
from reconciler.model.call import Call
from reconciler.model.change import Change, Create, Delete, FieldChange, Forget
from reconciler.model.edge_readings import EdgeReadings
from reconciler.model.plan import Target, UnmanagedResources
from reconciler.model.plan_options import UnmatchedSelector
from reconciler.model.resource import Live
from reconciler.model.run import RunCall
from reconciler.model.settings import DesiredState

if TYPE_CHECKING:
    from reconciler.engine.remembered.edges import RememberedEdges

DIRECTIONS: tuple[str, ...] = ("missing", "changed", "extra", "unmanaged")
"""Every direction of drift, in the order of display.

- missing: in the file, but not in the registry;
- changed: in both and managed by this workspace, but different;
- extra: managed by this workspace, but not in the file, so that a plan would delete or forget it;
- unmanaged: in the file and in the registry, but not managed by this workspace.

Drift does not include resources that a plan leaves alone on purpose, such as a certificate in its grace period, or an orphan that `prune = "never"` keeps.
"""


@frozen
class DriftedField:
    """One field that differs.

    `desired` is None if the field is not in the file, `live` is None if it is not in the registry.
    """

    path: str
    desired: Any
    live: Any
    sensitive: bool = False


@frozen
class LastChange:
    """The last change of a resource that CloudTrail knows; its texts are other people's.

    - `operation`: the API operation; `time`: when it was called, in UTC; `age_seconds`: how long ago that was;
    - `principal`: who called it, usually an ARN; `source`: the IP address or the AWS service that it came from;
    - `is_from_reconciler`: whether the caller's user agent is that of reconciler;
    - `run`: the ID of the run of this workspace in whose time reconciler sent it, empty without one.
    """

    operation: str
    time: datetime.datetime
    age_seconds: float
    principal: str
    source: str
    is_from_reconciler: bool = False
    run: str = ""


@frozen
class DriftedResource:
    """One resource that differs from the file.

    - `direction`: "missing", "changed", "extra" or "unmanaged";
    - `origin`: its file and line, None if it is not in the file;
    - `owner`: the workspace that manages it, None if no workspace does or it does not exist;
    - `identity`: its AWS ID, None if it does not exist;
    - `last_change`: its last change, if it was looked up and CloudTrail knows it;
    - `unknown_change`: why the last change is not known; empty if it is, or if it was not looked up.
    """

    direction: str
    address: Address
    fields: tuple[DriftedField, ...] = ()
    origin: str | None = None
    owner: str | None = None
    identity: str | None = None
    last_change: LastChange | None = None
    unknown_change: str = ""


@frozen
class Drift:
    """All drift of a workspace, or of the selected resources.

    - `environment`: the environment's name; empty in a file without environments;
    - `file_digest`: the SHA-256 of the desired state;
    - `unchanged`: the number of resources that are as in the file;
    - `unlisted`: the kinds that could not be listed, and why;
    - `notes`: descriptions of unmanaged resources that are not in the file;
    - `unmanaged`: all of these resources, by kind;
    - `kept_orphans`: the addresses of resources that are no longer in the file and that `prune = "never"` keeps;
    - `unmatched`: the selectors that select nothing, if that is allowed;
    - `trail_notes`: why last changes could not be looked up;
    - `edges`: how the edges were read, None if all were.
    """

    workspace: str
    target: Target
    file_digest: str
    items: tuple[DriftedResource, ...]
    unchanged: int
    unlisted: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())
    unmanaged: tuple[UnmanagedResources, ...] = field(default=())
    kept_orphans: tuple[Address, ...] = field(default=())
    environment: str = ""
    unmatched: tuple[UnmatchedSelector, ...] = field(default=(), kw_only=True)
    trail_notes: tuple[str, ...] = field(default=(), kw_only=True)
    edges: EdgeReadings | None = field(default=None, kw_only=True)

    def __bool__(self) -> bool:
        return bool(self.items)

    @property
    def undeclared(self) -> int:
        """The number of unmanaged resources that are not in the file."""
        return sum(len(resources.ids) for resources in self.unmanaged)


def find_drift(  # noqa: PLR0913 (each is one thing that drift depends on)
    state: DesiredState,
    *,
    target: Target,
    call: Call,
    progress: Progress,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    allow_unmatched: bool = False,
    unanswered_calls: Sequence[RunCall] = (),
    remembered: RememberedEdges | None = None,
) -> Drift:
    """Compare the registry with the file. Raises SelectionError, AwsError and TargetError.

    `unanswered_calls` are those of ended runs that may have created resources. Without `remembered`, all edges are read.
    """
    workspace = state.settings.name
    comparison, edges = read_states(
        state,
        call,
        progress,
        list_all=True,
        unanswered_calls=unanswered_calls,
        remembered=remembered,
    )
    selected_addresses = select_compared(comparison, select, exclude, allow_unmatched=allow_unmatched)
    items = [
        item for item in _find_drifted_resources(workspace, comparison) if item.address in selected_addresses
    ]
    drifted_addresses = {item.address for item in items}
    markers = list_reserved_addresses(workspace)
    unmanaged = find_unmanaged(comparison)
    unlisted = {**comparison.refresh.unlisted, **comparison.refresh.uncounted}
    return Drift(
        workspace=workspace,
        target=target,
        file_digest=state.digest,
        items=tuple(sorted(items, key=lambda item: (DIRECTIONS.index(item.direction), item.address))),
        unchanged=len((comparison.desired.keys() & selected_addresses) - drifted_addresses - markers),
        unlisted=tuple(f"{table}: {reason}" for table, reason in unlisted.items()),
        notes=tuple(note.text for note in describe_unmanaged(state, unmanaged)),
        unmanaged=unmanaged,
        kept_orphans=tuple(sorted((comparison.kept_orphans.keys() & selected_addresses) - markers)),
        environment=state.environment_name,
        unmatched=find_unmatched(comparison, select, exclude) if allow_unmatched else (),
        edges=edges,
    )


def _find_drifted_resources(workspace: str, comparison: Comparison) -> Iterator[DriftedResource]:
    """Yield the resources that a plan would change.

    Ownership markers are not in the file, and most of their changes accompany others: before the first apply, all of them are
    missing. So they are left out unless a plan would change nothing else.
    """
    markers = list_reserved_addresses(workspace)
    changes_only_markers = markers.issuperset(comparison.changes)
    for address, change in comparison.changes.items():
        if changes_only_markers or address not in markers:
            yield _to_drifted_resource(workspace, change)


def _to_drifted_resource(workspace: str, change: Change) -> DriftedResource:
    if isinstance(change, Create):
        return DriftedResource(
            "missing", change.address, _to_drifted_fields(change.fields), str(change.resource.origin)
        )
    live: Live = change.live
    if isinstance(change, Delete | Forget):
        return DriftedResource(
            "extra",
            change.address,
            _to_drifted_fields(change.fields),
            owner=live.owner,
            identity=live.identity,
        )
    fields = [field for field in change.fields if field.path != OWNERSHIP_PATH]
    return DriftedResource(
        "changed" if live.owner == workspace else "unmanaged",
        change.address,
        _to_drifted_fields(fields),
        str(change.resource.origin),
        live.owner,
        live.identity,
    )


def _to_drifted_fields(fields: Sequence[FieldChange]) -> tuple[DriftedField, ...]:
    return tuple(DriftedField(field.path, field.after, field.before, field.sensitive) for field in fields)
