"""Rules that kinds of managed integrations share whose resources are found by name.

These are cloud connectors, connector destinations, account associations and credential lockers. AWS assigns their IDs; within a
workspace, and for an import, they are found by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from reconciler.kinds.base.context import Scope
from reconciler.kinds.base.kind import Kind
from reconciler.model.resource import Live


def select_by_name(kind: Kind, live_resources: Sequence[Live], scope: Scope) -> Mapping[str, Live]:
    """Return the live resources of a kind with tags that a read returns, by ID.

    One without an owner is selected if it has the name of a missing resource of the file, and by a re-read.
    """
    owned = [live for live in live_resources if live.owner == scope.workspace]
    unmanaged = [live for live in live_resources if live.owner is None]
    is_reread = scope.previous_states is not None
    selected = {live.identity: live for live in (live_resources if is_reread else owned)}
    names = {scope.find_current_name(kind.table, live.declared_name) for live in owned}
    for resource in scope.iterate_resources(kind.table):
        spec = kind.compute_effective_spec(resource, scope)
        candidate = find_by_name(kind, spec, unmanaged) if resource.address.name not in names else None
        if candidate:
            unmanaged.remove(candidate)
            selected[candidate.identity] = evolve(candidate, declared_name=resource.address.name)
    return selected


def find_by_name(kind: Kind, desired_spec: Any, unmanaged: Sequence[Live]) -> Live | None:
    """Return the live resource without an owner that has the name of a desired spec, or None.

    If several have this name, it is the one that differs in the fewest fields.
    """

    def count_differences(live: Live) -> int:
        return sum(getattr(live.spec, name) != getattr(desired_spec, name) for name in kind.members)

    candidates = [live for live in unmanaged if live.spec.name == desired_spec.name]
    return min(candidates, key=count_differences, default=None)
