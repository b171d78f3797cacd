"""The structure of values: tables with members, and lists of tables whose items have names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import attrs

from reconciler.kinds.base.schema import get_members, is_spec_class
from reconciler.model.resource import NOT_COMPARED, External

_UNSET: tuple[Any, ...] = (None, (), {}, NOT_COMPARED)
"""Values of a table's fields that count as absent."""

_NAME_FIELDS = ("name", "key")
"""The fields that name an item of a list, if it has one of them; otherwise a required field may name it."""


@cache
def has_own_text(value_class: type) -> bool:
    """Return whether a class, or a base of it other than `object`, defines `__str__`."""
    return any("__str__" in vars(base) for base in value_class.__mro__[:-1])  # the last base is `object`


def is_table(value: Any) -> bool:
    """Return whether a value has members: a mapping, or an object without a text of its own."""
    value_class: type = type(value)
    return _is_table_class(value_class)


@cache
def _is_table_class(value_class: type) -> bool:
    has_text = has_own_text(value_class)
    return issubclass(value_class, Mapping) or (attrs.has(value_class) and not has_text)


def are_tables(items: Sequence[Any]) -> bool:
    """Return whether all items of a list are tables."""
    return all(map(is_table, items))


def list_fields(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the names and the values of an object's fields, in the order of their declaration."""
    return ((field.name, getattr(value, field.name)) for field in attrs.fields(type(value)))


def get_table_members(table: Any) -> Mapping[str, Any]:
    """Return the members of a table by name; of an object, only the fields that are set."""
    if isinstance(table, Mapping):
        return table
    return {name: value for name, value in list_fields(table) if value not in _UNSET}


def to_plain(value: Any) -> Any:
    """Return a value with mappings and lists in place of its objects that have members."""
    if isinstance(value, str):
        return value
    if is_table(value):
        return {name: to_plain(item) for name, item in get_table_members(value).items()}
    return [to_plain(item) for item in value] if isinstance(value, list | tuple) else value


def flatten_spec(spec: Any) -> Iterator[tuple[str, Any]]:
    """Yield the dotted path and the value of every field of a spec, in the kind's order.

    A mapping is replaced by its items, sorted by key.
    """
    for name, value in list_fields(spec):
        if isinstance(value, Mapping):
            yield from ((f"{name}.{key}", item) for key, item in sorted(value.items()))
        elif is_table(value):
            yield from ((f"{name}.{path}", item) for path, item in flatten_spec(value))
        else:
            yield name, value


def name_items(*lists: Sequence[Any]) -> Sequence[Sequence[str]] | None:
    """Return the names of the items of lists of tables, or None if they have none.

    The items are named by the first field that all of them have and that is unique in each list.
    """
    items = [item for own_items in lists for item in own_items]
    for field in _list_name_fields(items[0]) if items else ():
        names = [[_get_name(item, field) for item in own_items] for own_items in lists]
        if all(all(own_names) and len(set(own_names)) == len(own_names) for own_names in names):
            return names
    return None


def _list_name_fields(item: Any) -> Sequence[str]:
    """Return the fields that may name an item; a document's items have an index instead."""
    if isinstance(item, Mapping) or not is_spec_class(type(item)):
        return ()
    members = get_members(type(item))
    names = [name for name in _NAME_FIELDS if name in members]
    return names or [name for name, member in members.items() if member.required]


def _get_name(item: Any, field: str) -> str:
    """Return the value of a field if it can be a name: a text, or a reference."""
    value = getattr(item, field, None)
    return str(value) if isinstance(value, str | External) else ""
