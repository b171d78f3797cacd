"""Normalize specs as AWS normalizes what it stores, so that plans compare what AWS reports. Pure.

AWS treats an empty text as an absent one: it stores no attribute without a value (API reference, UpdateThing and
AttributePayload), and reports no empty description. An inner table without values is not sent. Loading a file rejects an empty value
of a field that the file has to set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from types import UnionType
from typing import Any, Union, get_args, get_origin

import attrs
from msgspec.structs import replace

from reconciler.frozen_classes import field, frozen
from reconciler.kinds.base.members import to_structure
from reconciler.kinds.base.schema import find_nested_classes, get_members, get_types, is_spec_class
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Resource


@frozen(eq=False)
class _NormalizedFields:
    """The fields of a spec class that may have something to normalize, or that must have a value.

    - `defaults`: of optional fields that may have a text, by name;
    - `maps`: the fields whose entries with an empty text are dropped;
    - `tables`: the fields with inner tables;
    - `required`: the fields that the file must set.

    A fleet has very many specs, and most have nothing to normalize: `get_texts` returns the values of all fields in `defaults`,
    `get_tables` those of all fields in `tables`.
    """

    defaults: Mapping[str, Any]
    maps: tuple[str, ...]
    tables: tuple[str, ...]
    required: tuple[str, ...]
    get_texts: Callable[[Any], tuple[Any, ...]] = field(init=False)
    get_tables: Callable[[Any], tuple[Any, ...]] = field(init=False)

    @get_texts.default
    def _build_text_getter(self) -> Callable[[Any], tuple[Any, ...]]:
        return _build_getter(tuple(self.defaults))

    @get_tables.default
    def _build_table_getter(self) -> Callable[[Any], tuple[Any, ...]]:
        return _build_getter(self.tables)

    def has_tables(self, spec: Any) -> bool:
        """Return whether a field has an inner table."""
        return bool(self.tables) and self.get_tables(spec).count(None) < len(self.tables)


def _build_getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that returns the values of some fields."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda spec: tuple(getattr(spec, name) for name in names)


_fields_by_class: dict[type, _NormalizedFields] = {}


def _get_fields(spec_class: type) -> _NormalizedFields:
    if spec_class not in _fields_by_class:
        _fields_by_class[spec_class] = _select_fields(spec_class)
    return _fields_by_class[spec_class]


def _select_fields(spec_class: type) -> _NormalizedFields:
    members, types = get_members(spec_class), get_types(spec_class)
    nested_classes = find_nested_classes(spec_class)
    defaults = {
        attribute.name: attribute.default
        for attribute in attrs.fields(spec_class)
        if _accepts_text(types[attribute.name])
    }
    return _NormalizedFields(
        defaults={name: default for name, default in defaults.items() if not members[name].required},
        maps=tuple(name for name, member in members.items() if member.drops_empty_values),
        tables=tuple(name for name in members if nested_classes[name]),
        required=tuple(name for name, member in members.items() if member.required),
    )


def _accepts_text(annotation: Any) -> bool:
    """Return whether a value itself may be a text, and not only the items of an array or a map."""
    is_union = get_origin(annotation) in (Union, UnionType)
    return str in (get_args(annotation) if is_union else (annotation,))


def normalize_spec(spec: Any) -> Any:
    """Return the spec without its empty texts and inner tables; the same object if there are none.

    An empty text becomes the field's default; a field that the file must set keeps it. So does an inner table without any value,
    if the default is that there is none. A map whose `Member` has `drops_empty_values` loses the entries with an empty text.
    """
    fields = _get_fields(type(spec))
    changes: dict[str, Any] = {}
    if "" in fields.get_texts(spec):
        changes = {name: default for name, default in fields.defaults.items() if getattr(spec, name) == ""}
    for name in fields.maps:
        value = getattr(spec, name)
        if isinstance(value, Mapping) and "" in value.values():
            changes[name] = {key: item for key, item in value.items() if item != ""}
    for name in fields.tables if fields.has_tables(spec) else ():
        value = getattr(spec, name)
        if value is not None:
            normalized = _normalize_tables(value)
            has_default = getattr(attrs.fields(type(spec)), name).default is None
            changes[name] = None if has_default and _is_empty_table(normalized) else normalized
    if not changes:
        return spec
    changes = {name: value for name, value in changes.items() if value is not getattr(spec, name)}
    return attrs.evolve(spec, **changes) if changes else spec


def find_empty_values(spec: Any) -> list[ValueProblem]:
    """Return a problem for each required field with an empty text, array or table."""
    fields = _get_fields(type(spec))
    needs_search = fields.required or fields.has_tables(spec)
    return [*_iterate_empty_values(spec, fields)] if needs_search else []


def _iterate_empty_values(spec: Any, fields: _NormalizedFields) -> Iterator[ValueProblem]:
    empty_names = []
    for name in fields.required:
        value = getattr(spec, name)
        if value == "":
            yield ValueProblem("empty-value", "empty", "a value", path=(name,))
        elif value == ():
            yield ValueProblem("empty-value", "empty", "at least one item", path=(name,))
        elif value == {} or _is_empty_table(value):
            yield ValueProblem("empty-value", "empty", "at least one key with a value", path=(name,))
        else:
            continue
        empty_names.append(name)
    for name in fields.tables:
        value = getattr(spec, name)
        for path, table in _iterate_tables(value) if value is not None and name not in empty_names else ():
            for problem in find_empty_values(table):
                yield problem.nest_under(name, *path)


def _iterate_tables(value: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield the inner tables of a field, each with its path in it."""
    if is_spec_class(type(value)):
        yield (), value
    elif isinstance(value, tuple):
        yield from (((index,), item) for index, item in enumerate(value) if is_spec_class(type(item)))
    elif isinstance(value, Mapping):
        yield from (((key,), item) for key, item in value.items() if is_spec_class(type(item)))


def _normalize_tables(value: Any) -> Any:
    """Return the value of a field with normalized inner tables; the same object if nothing changes."""
    normalized = {path: normalize_spec(table) for path, table in _iterate_tables(value)}
    if all(normalized[path] is table for path, table in _iterate_tables(value)):
        return value
    if isinstance(value, tuple):
        return tuple(normalized.get((index,), item) for index, item in enumerate(value))
    if isinstance(value, Mapping):
        return {key: normalized.get((key,), item) for key, item in value.items()}
    return normalized[()]


def _is_empty_table(value: Any) -> bool:
    """Return whether nothing of an inner table is sent, although its fields are."""
    if not is_spec_class(type(value)) or to_structure(value):
        return False
    return all(member.api for member in get_members(type(value)).values())


def normalize_resources(resources: Desired) -> Desired:
    """Return the resources with normalized specs."""
    return {address: _normalize_resource(resource) for address, resource in resources.items()}


def _normalize_resource(resource: Resource) -> Resource:
    spec = normalize_spec(resource.spec)
    return resource if spec is resource.spec else replace(resource, spec=spec)
