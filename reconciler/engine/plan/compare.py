"""Reads and compares: what the file wants beside what is there, and how they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from attrs import evolve, field, frozen

from reconciler.engine.plan.diff import diff
from reconciler.engine.plan.names import replace_ids_with_names
from reconciler.engine.plan.refresh import Names, Progress, RefreshResult, refresh
from reconciler.engine.plan.removals import (
    forget_removed,
    keep_attached_certificates,
    keep_orphans,
    show_renames,
)
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import PlanContext, Scope
from reconciler.kinds.base.references import find_references
from reconciler.kinds.base.schema import members
from reconciler.kinds.shared.ownership_markers import add_ownership_markers
from reconciler.model.address import Address
from reconciler.model.call import Call
from reconciler.model.change import Change, Replace
from reconciler.model.plan import Basis, Target
from reconciler.model.resource import Desired, Inventory, Resource
from reconciler.model.secret import Secret, SecretDigest
from reconciler.model.settings import DesiredState


@frozen
class Comparison:
    """What is wanted, what is there, and how they differ: everything that a plan is made of.

    `declared` is what the file says and the workspace's marks, `desired` the same as AWS would report it; `seen` is what
    was read, and how far; `kept` has left the file and stays, because nothing is pruned.
    """

    declared: Desired
    desired: Desired
    live: Inventory
    changes: Mapping[Address, Change]
    refresh: RefreshResult
    basis: Basis = field(factory=Basis)
    kept_orphans: Inventory = field(factory=dict)


def compare_states(
    state: DesiredState, call: Call, progress: Progress, *, destroy: bool = False
) -> Comparison:
    """Read the registry and compare. Raises AwsError and TargetError."""
    workspace = state.settings.name
    marked = add_ownership_markers(workspace, state.resources)
    kept = {a: found for a, found in marked.items() if not (destroy and all_kinds()[a.kind].composed_of)}
    seen = refresh(workspace, kept, call, progress, state.moved, destroying=destroy)
    live = seen.live
    desired = {} if destroy else compute_effective_state(workspace, marked)
    prune = destroy or state.settings.prune == "owned"
    desired = desired if prune else keep_attached_certificates(desired, live, workspace)
    _stretch_secrets(desired, live, progress)
    differing = {change.address: change for change in diff(workspace, desired, live)}
    changes = show_renames(forget_removed(differing, live, state.removed), state.moved)
    changes, kept_back = (changes, {}) if prune else keep_orphans(changes, state.moved)
    names = {**seen.names, **_wanted_names(desired)}
    return Comparison(marked, desired, live, changes, seen, Basis(kept, names, state.moved), kept_back)


def _wanted_names(desired: Desired) -> Names:
    kinds = all_kinds()
    return {
        (address.kind, identity): address.name
        for address, resource in desired.items()
        if (identity := kinds[address.kind].identity(resource))
    }


def compute_effective_state(workspace: str, desired: Desired) -> Desired:
    """The resources as AWS would report them: defaults filled in, references by name where the file has the name."""
    scope = Scope(workspace, desired)
    kinds = all_kinds()
    names = _wanted_names(desired)
    found = {}
    for address, resource in desired.items():
        spec = replace_ids_with_names(kinds[address.kind].effective(resource, scope), names)
        # What only the evaluated spec refers to has to exist before it just as well.
        needs = resource.dependencies
        more = {need for need in find_references(spec) if need in desired and need not in needs}
        changed = resource if spec is resource.spec else evolve(resource, spec=spec)
        found[address] = evolve(changed, dependencies=needs | more) if more else changed
    return found


def build_world(workspace: str, target: Target, found: Comparison) -> PlanContext:
    """What kinds may look at when they turn the changes into calls."""
    kinds = all_kinds()
    identities = {
        address: identity
        for address, resource in found.desired.items()
        if (identity := kinds[address.kind].identity(resource))
    }
    for address, live in found.live.items():
        if not isinstance(found.changes.get(address), Replace):  # whose next id AWS has yet to assign
            identities.setdefault(address, live.identity)
    return PlanContext(
        workspace=workspace,
        target=target,
        desired=found.desired,
        live=found.live,
        identities=identities,
        changes=found.changes,
        declared=found.declared,
        id_members={table: kind.id_member for table, kind in kinds.items() if kind.id_member},
    )


def _stretch_secrets(desired: Desired, live: Inventory, progress: Progress) -> None:
    """Compare all secrets with what is remembered of them, on every processor: each takes some milliseconds.

    The results are kept with the hash function, where the diff finds them.
    """
    pairs = [
        (getattr(live[address].spec, name), secret)
        for address, resource in desired.items()
        if address in live
        for name, secret in _secrets(resource)
        if isinstance(getattr(live[address].spec, name), SecretDigest)
    ]
    if not pairs:
        return
    with ThreadPoolExecutor() as pool:
        for done, _ in enumerate(pool.map(lambda pair: pair[0].matches(pair[1]), pairs), start=1):
            progress("comparing secrets", done, len(pairs))


def _secrets(resource: Resource) -> Iterator[tuple[str, Secret]]:
    for name in members(type(resource.spec)):
        value = getattr(resource.spec, name)
        if isinstance(value, Secret):
            yield name, value
