"""Compare desired and live state: the changes that make them equal.

Invariant: pure, except that progress is reported. Secrets are hashed on all processors.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from attrs import evolve
from msgspec.structs import replace

from reconciler.engine.plan.diff import diff, keep_ignored_values
from reconciler.engine.plan.names import Names, replace_ids_with_names
from reconciler.engine.plan.read_tracker import Progress
from reconciler.engine.plan.refresh import RefreshResult, find_secret_attributes
from reconciler.engine.plan.removals import (
    Changes,
    Renames,
    find_kept_orphans,
    find_renames,
    forget_removed,
    forget_undeletable,
    keep_attached_certificates,
    show_renames,
)
from reconciler.engine.plan.replaced_references import replace_dependents
from reconciler.engine.threads import ContextThreadPool
from reconciler.frozen_classes import field, frozen
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import OutsideReads, PlanContext, Scope
from reconciler.kinds.base.normalize import normalize_spec
from reconciler.kinds.base.references import find_references
from reconciler.kinds.base.schema import get_members
from reconciler.model.address import Address
from reconciler.model.change import Replace
from reconciler.model.plan import Basis, Target
from reconciler.model.resource import Desired, Inventory, Resource
from reconciler.model.secret import Secret, SecretDigest
from reconciler.model.settings import DesiredState


@frozen
class Comparison:
    """Desired and live state, and their differences: everything that a plan is made from.

    - `declared`: the file's resources and the workspace's ownership markers;
    - `desired`: the same resources with the values that AWS would report, and the live values of fields that they ignore; empty if
      everything will be deleted;
    - `live`: the live resources that the file declares or the workspace owns;
    - `changes`: the changes that turn `live` into `desired`, by address;
    - `renames`: the new address of each renamed resource, by its old one;
    - `kept_orphans`: the resources that are no longer in the file but stay, because nothing is pruned;
    - `refresh`: the result of reading, which includes `live`;
    - `basis`: the inputs for reading the resources again before they are changed.
    """

    declared: Desired
    desired: Desired
    live: Inventory
    changes: Changes
    renames: Renames
    refresh: RefreshResult
    basis: Basis = field(factory=Basis)
    kept_orphans: Inventory = field(factory=dict)

    def restrict_to(self, addresses: AbstractSet[Address]) -> Comparison:
        """Return the comparison with only the changes of these addresses."""
        if self.changes.keys() <= addresses:  # a large plan has no room for a copy
            return evolve(self, renames=_select_complete_renames(self.renames, self.changes))
        changes = {address: change for address, change in self.changes.items() if address in addresses}
        return evolve(self, changes=changes, renames=_select_complete_renames(self.renames, changes))


def compare_states(
    state: DesiredState, refresh_result: RefreshResult, progress: Progress, *, destroying: bool = False
) -> Comparison:
    """Compare the desired state with live state. With `destroying`, the desired state is empty."""
    live = refresh_result.live
    is_pruning = destroying or state.settings.prune == "owned"
    desired = {} if destroying else _compute_desired_resources(state, refresh_result, is_pruning=is_pruning)
    _cache_secret_hashes(desired, live, progress)
    changes = _plan_changes(state, desired, live)
    renames = find_renames(changes, state.moved)
    kept_orphans = {} if is_pruning else find_kept_orphans(changes, renames)
    remaining_changes = {
        address: change
        for address, change in show_renames(changes, renames).items()
        if address not in kept_orphans
    }
    return Comparison(
        declared=refresh_result.declared,
        desired=desired,
        live=live,
        changes=forget_undeletable(remaining_changes),
        renames=renames,
        refresh=refresh_result,
        basis=Basis(
            desired=refresh_result.resources,
            names={**refresh_result.names, **_map_names_by_identity(desired)},
            moved=state.moved,
            secret_attributes=find_secret_attributes(refresh_result.declared),
        ),
        kept_orphans=kept_orphans,
    )


def compute_effective_state(workspace: str, declared: Desired) -> Desired:
    """Return the resources as a refresh would find them after an apply.

    They have AWS's defaults, and names instead of IDs.
    """
    kinds = all_kinds()
    scope = Scope(workspace, declared)
    names = _map_names_by_identity(declared)
    effective = {}
    for address, resource in declared.items():
        spec = normalize_spec(kinds[address.kind].compute_effective_spec(resource, scope))
        spec = replace_ids_with_names(spec, names)
        effective[address] = _replace_spec(resource, spec, declared)
    return effective


def _replace_spec(resource: Resource, spec: Any, declared: Desired) -> Resource:
    """Return the resource with the effective spec.

    The spec's references to declared resources become dependencies as well.
    """
    if spec is resource.spec:
        return resource
    references = {reference for reference in find_references(spec) if reference in declared}
    if references - resource.dependencies:
        return replace(resource, spec=spec, own_dependencies=resource.own_dependencies | references)
    return replace(resource, spec=spec)


def build_plan_context(workspace: str, target: Target, comparison: Comparison) -> PlanContext:
    """Return the context that kinds need to turn changes into calls."""
    kinds = all_kinds()
    identities: dict[Address, str] = {}
    for address, resource in comparison.desired.items():
        identity = kinds[address.kind].identity(resource)
        if identity:
            identities[address] = identity
    for address, live in comparison.live.items():
        is_replaced = isinstance(comparison.changes.get(address), Replace)  # AWS will assign another ID
        if not is_replaced:
            identities.setdefault(address, live.identity)
    return PlanContext(
        workspace=workspace,
        target=target,
        desired=comparison.desired,
        live=comparison.live,
        identities=identities,
        changes=comparison.changes,
        declared=comparison.declared,
        id_members={table: kind.id_member for table, kind in kinds.items() if kind.id_member},
        outside=_select_outside_reads(comparison.refresh),
    )


def _select_outside_reads(refresh_result: RefreshResult) -> OutsideReads:
    return OutsideReads(select_complete_listings(refresh_result), refresh_result.kept_responses)


def select_complete_listings(refresh_result: RefreshResult) -> Mapping[str, AbstractSet[str]]:
    """Return the IDs of the resources of each table whose listing was read to its end."""
    complete_listings = refresh_result.listed_ids.keys() - refresh_result.partially_listed
    return {
        table: refresh_result.listed_ids[kind.listing]
        for table, kind in all_kinds().items()
        if kind.listing in complete_listings
    }


def _compute_desired_resources(
    state: DesiredState, refresh_result: RefreshResult, *, is_pruning: bool
) -> Desired:
    """Return the effective state, with the live values of fields that `ignore_changes` lists.

    Calls for other resources send these too. Unless orphans are pruned, orphaned certificates stay attached.
    """
    workspace = state.settings.name
    effective = compute_effective_state(workspace, refresh_result.declared)
    live = refresh_result.live
    desired = effective if is_pruning else keep_attached_certificates(effective, live, workspace)
    ignoring = {
        address: keep_ignored_values(workspace, resource, live[address].spec)
        for address, resource in desired.items()
        if resource.lifecycle.ignore_changes and address in live
    }
    return {**desired, **ignoring} if ignoring else desired


def _plan_changes(state: DesiredState, desired: Desired, live: Inventory) -> Changes:
    """Return the changes by address: resources in `[[removed]]` are forgotten, all other orphans deleted.

    The deletions of orphans that will be kept are among them.
    """
    changes = {change.address: change for change in diff(state.settings.name, desired, live)}
    return forget_removed(replace_dependents(changes, desired, live), live, state)


def _select_complete_renames(renames: Renames, changes: Changes) -> Renames:
    """Return the renames whose deletion and creation are both among the changes."""
    return {old: new for old, new in renames.items() if old in changes and new in changes}


def _map_names_by_identity(resources: Desired) -> Names:
    """Return the name of each resource whose AWS ID follows from the file, by table and ID."""
    kinds = all_kinds()
    names: dict[tuple[str, str], str | None] = {}
    for address, resource in resources.items():
        identity = kinds[address.kind].identity(resource)
        if identity:
            names[address.kind, identity] = address.name
    return names


def _cache_secret_hashes(desired: Desired, live: Inventory, progress: Progress) -> None:
    """Compare all secrets with their stored hashes, on all processors, only to fill the cache of hashes.

    Each hash takes some milliseconds. The diff, which compares one secret at a time, then finds the hashes in the cache.
    """
    pairs: list[tuple[SecretDigest, Secret]] = []
    for address, resource in desired.items():
        if address in live:
            pairs += _pair_secrets(resource.spec, live[address].spec)
    if not pairs:
        return
    with ContextThreadPool() as pool:
        matches = pool.map(lambda pair: pair[0].matches(pair[1]), pairs)
        for completed_count, _ in enumerate(matches, start=1):
            progress("comparing secrets", completed_count, len(pairs))


def _pair_secrets(spec: object, live_spec: object) -> list[tuple[SecretDigest, Secret]]:
    """Return the stored hash and the secret of each field that has a secret and whose hash was read."""
    pairs = []
    for name in get_members(type(spec)):
        secret = getattr(spec, name)
        stored_hash = getattr(live_spec, name) if isinstance(secret, Secret) else None
        if isinstance(stored_hash, SecretDigest):
            pairs.append((stored_hash, secret))
    return pairs
