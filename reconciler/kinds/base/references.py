"""The references in a spec, and the resources that refer to an address.

A reference is in a field declared with `member(references=…)`: of the spec, or of a table in it at any depth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.schema import Member, find_nested_classes, get_members, is_spec_class
from reconciler.model.address import Address
from reconciler.model.diagnostic import ValuePath
from reconciler.model.resource import Desired, External, Inventory, Reference
from reconciler.model.text import format_path

_REFERENCE_TYPES = (str, External)

ReplaceReference: TypeAlias = Callable[[Reference, str], Reference | None]
"""Returns the reference to have in place of a reference to a table; None removes it."""


@frozen
class FieldReference:
    """A reference in a field: where it is, the table that it refers to, and its value."""

    path: ValuePath
    table: str
    value: Reference

    @property
    def field(self) -> str:
        """The field that the reference is in; all references of an array are in the same."""
        return format_path(self.path[:-1] if isinstance(self.path[-1], int) else self.path)


def find_references(spec: Any) -> Iterator[Address]:
    """Yield the addresses that a spec refers to."""
    for reference in iterate_references(spec):
        if isinstance(reference.value, str):
            yield Address(reference.table, reference.value)


def find_users(resources: Desired | Inventory) -> Mapping[Address, Sequence[Address]]:
    """Return the addresses of the resources that refer to an address, by that address."""
    users: defaultdict[Address, list[Address]] = defaultdict(list)
    for address, resource in resources.items():
        for reference in find_references(resource.spec):
            users[reference].append(address)
    return users


def find_referenced_tables(spec_class: type) -> set[str]:
    """Return the tables that the fields of a spec class refer to, those of its inner tables included."""
    members, nested_classes = list_reference_members(spec_class), find_nested_classes(spec_class)
    tables = {member.references for member in members if member.references}
    for member in members:
        tables |= {
            table for nested in nested_classes[member.name] for table in find_referenced_tables(nested)
        }
    return tables


_reference_members_by_class: dict[type, tuple[Member, ...]] = {}


def list_reference_members(spec_class: type) -> tuple[Member, ...]:
    """Return the fields that can contain references, in themselves or in their inner tables."""
    if spec_class not in _reference_members_by_class:
        nested_classes = find_nested_classes(spec_class)
        _reference_members_by_class[spec_class] = tuple(
            member
            for name, member in get_members(spec_class).items()
            if member.references or any(list_reference_members(nested) for nested in nested_classes[name])
        )
    return _reference_members_by_class[spec_class]


def iterate_references(spec: Any) -> Iterator[FieldReference]:
    """Yield the references in a spec."""
    for member in list_reference_members(type(spec)):
        yield from iterate_value_references(getattr(spec, member.name), member, (member.name,))


def iterate_value_references(value: Any, member: Member, path: ValuePath) -> Iterator[FieldReference]:
    """Yield the references in the value of a field, or of a part of it; `path` is the path of that value.

    A document in place of a name is not a reference, and neither is the name of something that AWS itself provides.
    """
    if value is None:
        return
    if isinstance(value, _REFERENCE_TYPES):
        if member.references and not (isinstance(value, str) and member.is_builtin(value)):
            yield FieldReference(path, member.references, value)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from iterate_value_references(item, member, (*path, index))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from iterate_value_references(item, member, (*path, key))
    elif not member.references and is_spec_class(type(value)):
        for inner in list_reference_members(type(value)):
            yield from iterate_value_references(getattr(value, inner.name), inner, (*path, inner.name))


def replace_references(spec: Any, replace: ReplaceReference) -> Any:
    """Return the spec with other references; the same object if nothing changes.

    References in arrays are sorted, and each is in them once.
    """
    changes: dict[str, Any] = {}
    for member in list_reference_members(type(spec)):
        value = getattr(spec, member.name)
        new_value = _replace_in_value(value, member, replace)
        if new_value is not value and new_value != value:
            changes[member.name] = new_value
    return evolve(spec, **changes) if changes else spec


def _replace_in_value(value: Any, member: Member, replace: ReplaceReference) -> Any:
    match value:
        case tuple() if member.references:
            references = {_replace_in_value(item, member, replace) for item in value} - {None}
            return tuple(sorted(references, key=str))
        case tuple():
            return tuple(_replace_in_value(item, member, replace) for item in value)
        case Mapping():
            return {key: _replace_in_value(item, member, replace) for key, item in value.items()}
        case _ if not member.references:
            return replace_references(value, replace) if is_spec_class(type(value)) else value
        case External():
            return replace(value, member.references)
        case str() if not member.is_builtin(value):
            return replace(value, member.references)
        case _:
            return value
