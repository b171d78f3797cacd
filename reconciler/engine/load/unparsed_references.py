"""References in values that are not valid as a whole, so that a file's errors are reported together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

import attrs

from reconciler.engine.load.toml_types import select_toml_type
from reconciler.kinds.base.references import FieldReference, list_reference_members
from reconciler.kinds.base.schema import Member
from reconciler.model.diagnostic import ValuePath


def find_unparsed_references(
    spec_class: type, entries: Mapping[str, Any], path: ValuePath = ()
) -> Iterator[FieldReference]:
    """Yield the names of resources in the entries of a table that becomes an object of `spec_class`."""
    types = {field.name: field.type for field in attrs.fields(attrs.resolve_types(spec_class))}
    for member in list_reference_members(spec_class):
        if member.name in entries:
            yield from _iterate(entries[member.name], types[member.name], member, (*path, member.name))


def _iterate(value: Any, annotation: Any, member: Member, path: ValuePath) -> Iterator[FieldReference]:
    toml_type = select_toml_type(annotation)
    origin = get_origin(toml_type)
    if origin is tuple:
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from _iterate(item, get_args(toml_type)[0], member, (*path, index))
    elif origin is Mapping:
        for key, item in value.items() if isinstance(value, dict) else ():
            yield from _iterate(item, get_args(toml_type)[1], member, (*path, key))
    elif not member.references:
        if isinstance(toml_type, type) and attrs.has(toml_type) and isinstance(value, dict):
            yield from find_unparsed_references(toml_type, value, path)
    elif isinstance(value, str) and not member.is_builtin(value) and not value.lstrip().startswith("{"):
        yield FieldReference(path, member.references, value)
