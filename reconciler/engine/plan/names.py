"""Replace AWS's IDs with names from the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from attrs import evolve

from reconciler.kinds.base.schema import get_members
from reconciler.model.resource import External

Names: TypeAlias = Mapping[tuple[str, str], str | None]
"""The name of each resource by table and AWS ID; None for a resource that is only kept for a grace period."""


def replace_ids_with_names(spec: Any, names: Names) -> Any:
    """Return the spec with names instead of IDs in its references; the same object if nothing changes.

    A reference that has no name in `names` becomes the bare ID. References in lists are sorted; those whose name is None are dropped.
    """
    changes: dict[str, Any] = {}
    for member in get_members(type(spec)).values():
        value = getattr(spec, member.name)
        if not member.references or value is None:
            continue
        if isinstance(value, tuple):
            references = {_to_name(item, member.references, names) for item in value} - {None}
            new_value: Any = tuple(sorted(references, key=str))
        else:
            new_value = _to_name(value, member.references, names)
        if new_value != value:
            changes[member.name] = new_value
    return evolve(spec, **changes) if changes else spec


def _to_name(reference: Any, table: str, names: Names) -> Any:
    if not isinstance(reference, External):
        return reference
    identity = reference.id.rpartition("/")[2]  # without the rest of an ARN
    return names.get((table, identity), External(identity))
