"""Find the API operations that a desired state needs, and the IAM roles that it passes to AWS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.schema import get_members, is_spec_class
from reconciler.kinds.shared.ownership_markers import add_ownership_markers
from reconciler.model.change import ACTIONS
from reconciler.model.resource import Desired
from reconciler.model.settings import DesiredState

VERBS = ("read", "show", *ACTIONS)
"""The attributes of `Kind.operations`: the operations for reading, for `show`, and for each action."""

Operation: TypeAlias = tuple[str, str]
"""A service and the name of one of its operations."""

PURPOSES: Mapping[str, tuple[str, ...]] = {
    "plan": (),
    "show": (),
    "apply": ACTIONS,
    "destroy": ("update", "delete"),
}
"""Command that needs the permissions → the verbs that it needs in addition to "read".

A destroy updates the workspace's thing group, which stores the lease. A destroy also forgets the resources in `[[removed]]`, but
only with operations that updates and deletions need as well.
"""

_ROLE_MEMBER_SUFFIXES = ("RoleArn", "roleArn")
"""The ends of the names of request members that pass a role to AWS."""


def find_needed_operations(state: DesiredState, purpose: str) -> Mapping[str, frozenset[Operation]]:
    """Return the operations that a purpose needs for a desired state, under "Read" and "Write".

    `purpose` is a key of `PURPOSES`.

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
    write: set[Operation] = set()
    for name in kind_names:
        for verb in PURPOSES[purpose]:
            write |= _list_operations(kinds[name], verb)
    return {"Read": frozenset(read), "Write": frozenset(write)}


def find_needed_roles(resources: Desired) -> frozenset[str]:
    """Return the ARNs of the roles that the resources pass to AWS."""
    return frozenset(arn for resource in resources.values() for arn in _iterate_roles(resource.spec))


def _iterate_roles(value: Any) -> Iterator[str]:
    """Yield the role ARNs in a spec, those of its nested structures included."""
    if isinstance(value, tuple):
        for item in value:
            yield from _iterate_roles(item)
    elif isinstance(value, Mapping):
        yield from _iterate_roles(tuple(value.values()))
    elif is_spec_class(type(value)):
        for name, member in get_members(type(value)).items():
            item = getattr(value, name)
            if isinstance(item, str) and (member.api or "").endswith(_ROLE_MEMBER_SUFFIXES):
                yield item
            yield from _iterate_roles(item)


def _list_operations(kind: Kind, verb: str) -> frozenset[Operation]:
    return frozenset(kind.list_operations(verb))
