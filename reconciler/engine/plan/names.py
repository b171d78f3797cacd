"""Specs with names in place of AWS's ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from reconciler.kinds.base.schema import members
from reconciler.model.resource import External


def replace_ids_with_names(spec: Any, names: Mapping[tuple[str, str], str | None]) -> Any:
    """The spec with its references by name wherever the name is known, lists of them sorted; itself where it is so."""
    changes: dict[str, Any] = {}
    for member in members(type(spec)).values():
        value = getattr(spec, member.name)
        if not member.references or value is None:
            continue
        if isinstance(value, tuple):
            named: Any = tuple(
                sorted({_refer(item, member.references, names) for item in value} - {None}, key=str)
            )
        else:
            named = _refer(value, member.references, names)
        if named != value:
            changes[member.name] = named
    return evolve(spec, **changes) if changes else spec


def _refer(reference: Any, table: str, names: Mapping[tuple[str, str], str | None]) -> Any:
    if not isinstance(reference, External):
        return reference
    plain = reference.id.rpartition("/")[2]
    return names.get((table, plain), External(plain))
