"""Find the API operations that a desired state needs, and the roles and the like that it refers to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.outside_services import (
    OutsideText,
    find_outside_resource,
    iterate_outside_texts,
)
from reconciler.kinds.shared.ownership_markers import add_ownership_markers
from reconciler.model.change import ACTIONS
from reconciler.model.plan import Target
from reconciler.model.resource import Desired
from reconciler.model.settings import DesiredState

VERBS = ("read", "show", *ACTIONS)
"""The attributes of `Kind.operations`: the operations for reading, for `show`, and for each action."""

Operation: TypeAlias = tuple[str, str]
"""A service and the name of one of its operations."""

PURPOSES: Mapping[str, tuple[str, ...]] = {
    "plan": (),
    "show": (),
    "drift": (),
    "apply": ACTIONS,
    "destroy": ("update", "delete"),
}
"""Command that needs the permissions → the verbs that it needs in addition to "read".

A destroy updates the workspace's thing group, which stores the lease. A destroy also forgets the resources in `[[removed]]`, but
only with operations that updates and deletions need as well.
"""


TRAIL_OPERATIONS = frozenset({("cloudtrail", "LookupEvents")})
"""The operations of the change feed."""


def find_needed_operations(state: DesiredState, purpose: str) -> Mapping[str, frozenset[Operation]]:
    """Return the operations that a purpose needs for a desired state, under "Read" and "Write".

    `purpose` is a key of `PURPOSES`; "drift" is a drift that looks up who changed the resources. With `read = "changed"`,
    plans need the change feed, too.

    "Read" has the read operations of every kind, because the workspace may own resources of a kind that is no longer in the
    file; for `show`, also those that read the status of a resource. "Write" has only operations of the kinds in the file, of the kinds that make up a composite kind in the file, and of
    the ownership markers.
    """
    kinds = all_kinds()
    kind_names = {address.kind for address in add_ownership_markers(state.settings.name, state.resources)}
    for name in tuple(kind_names):
        kind_names |= kinds[name].composed_of
    read_verbs = ("read", "show") if purpose == "show" else ("read",)
    read = {
        operation
        for kind in kinds.values()
        for verb in read_verbs
        for operation in _list_operations(kind, verb)
    }
    if purpose == "drift" or (state.settings.read == "changed" and purpose in {"plan", "apply"}):
        read |= TRAIL_OPERATIONS
    write: set[Operation] = set()
    for name in kind_names:
        for verb in PURPOSES[purpose]:
            write |= _list_operations(kinds[name], verb)
    return {"Read": frozenset(read), "Write": frozenset(write)}


def find_needed_roles(resources: Desired) -> frozenset[str]:
    """Return the ARNs of the roles that the resources pass to AWS."""
    return frozenset(item.text for item in _iterate_outside_texts(resources) if item.type == "role")


def find_outside_arns(resources: Desired, target: Target) -> Mapping[Operation, frozenset[str]]:
    """Return the ARNs of the resources of other services that plans check, by the operation for it.

    If the target's account is not known, these are all.
    """
    is_known = target.account.isdecimal()
    arns: defaultdict[Operation, set[str]] = defaultdict(set)
    for item in {*_iterate_outside_texts(resources)}:
        resource = find_outside_resource(item, target)
        if resource and (resource.is_in(target) or not is_known):
            arns[resource.type.service, resource.type.operation] |= resource.read_arns
    return {operation: frozenset(arns[operation]) for operation in sorted(arns)}


def _iterate_outside_texts(resources: Desired) -> Iterator[OutsideText]:
    for resource in resources.values():
        yield from iterate_outside_texts(resource.spec)


def _list_operations(kind: Kind, verb: str) -> frozenset[Operation]:
    return frozenset(kind.list_operations(verb))
