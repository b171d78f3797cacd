"""Find the resources that a recorded call changed, from what the kinds declare.

Invariant: no resource that a call changed is left out, if the request or the response names it. The others may include resources
that the call only names, which a reader of the feed then reads needlessly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from reconciler.model.change import ACTIONS
from reconciler.model.resource import extract_name_from_arn

ResourceId: TypeAlias = tuple[str, str]
"""The table of a kind, and AWS's name or ID of a resource."""

_ARN = re.compile(r"arn:[^:]+:(?:iot|iotmanagedintegrations):[^:]*:[^:]*:([A-Za-z-]+)/.+")


def find_changed_resources(
    service: str, operation: str, request: Mapping[str, Any], response: Mapping[str, Any]
) -> frozenset[ResourceId]:
    """Return the resources that a write changed.

    These are the resources that the kinds with this operation find in the members, or all kinds of the service for an operation that no kind sends, and those
    whose ARNs are among the members: an attachment changes both of its sides.
    """
    members = {**response, **request}
    resources = set(_iterate_arn_resources(members))
    for kind in _list_kinds(service, operation):
        identity = kind.find_changed_identity(operation, members)
        if identity is not None:
            resources.add((kind.table, identity))
    return frozenset(resources)


@cache
def _list_kinds(service: str, operation: str) -> Sequence[Kind]:
    kinds = [kind for kind in all_kinds().values() if kind.service == service and not kind.composed_of]
    return [kind for kind in kinds if (service, operation) in _list_writes(kind.table)] or kinds


@cache
def _list_writes(table: str) -> frozenset[ResourceId]:
    """Return the service and the name of each operation by which plans change resources of a kind."""
    kind = all_kinds()[table]
    return frozenset(operation for purpose in ACTIONS for operation in kind.list_operations(purpose))


def _iterate_arn_resources(members: Mapping[str, Any]) -> Iterator[ResourceId]:
    """Yield the resources whose ARNs are values of members, or of a map in them."""
    for value in members.values():
        if isinstance(value, Mapping):
            yield from _iterate_arn_resources(value)
        elif isinstance(value, str) and (match := _ARN.fullmatch(value)):
            identity = extract_name_from_arn(value)
            for table in _map_tables_by_arn_type().get(match[1].replace("-", ""), ()):
                yield table, identity


@cache
def _map_tables_by_arn_type() -> Mapping[str, Sequence[str]]:
    tables: dict[str, list[str]] = {}
    for kind in all_kinds().values():
        tables.setdefault(kind.arn_type or kind.noun.replace(" ", "").lower(), []).append(kind.table)
    return tables
