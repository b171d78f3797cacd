"""Convert specs to request members and back, as their fields declare it.

A field becomes the member that its `api` names: `CreateFleetMetric.period` becomes `period`. A response has the members under the
same names, so the last part of `api` is also where the field is read from.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import attrs

from reconciler.kinds.base.schema import Member, get_members, get_types, is_spec_class
from reconciler.model.document import Document
from reconciler.model.resource import External
from reconciler.model.secret import Secret

SpecT = TypeVar("SpecT")


def to_members(spec: Any, fields: Collection[str] | None = None) -> dict[str, Any]:
    """Return the request members of a spec, without those of fields that are None or empty.

    Args:
        spec: An instance of a class whose fields are declared with `member`.
        fields: The names of the fields to convert; default: all that have an `api`.
    """
    members: dict[str, Any] = {}
    for name, member in get_members(type(spec)).items():
        if member.api is None or (fields is not None and name not in fields):
            continue
        value = to_member_value(getattr(spec, name))
        if not _is_unset(value):
            *parents, last = member.api.split(".")[1:]
            parent = members
            for part in parents:
                parent = parent.setdefault(part, {})
            parent[last] = value
    return members


def to_member_value(value: Any) -> Any:
    """Return the value of a field as the API takes it: structures and lists of plain values."""
    match value:
        case Document():
            return value.text
        case External():
            return value.name
        case tuple():
            return [to_member_value(item) for item in value]
        case Mapping():
            return {key: to_member_value(item) for key, item in value.items()}
        case _ if is_spec_class(type(value)):
            return to_structure(value)
        case _:
            return value


def to_structure(spec: Any) -> dict[str, Any]:
    """Return the structure of a nested spec: each field under the last part of its `api`."""
    structure = {}
    for name, member in get_members(type(spec)).items():
        value = to_member_value(getattr(spec, name))
        if member.api and not _is_unset(value):
            structure[get_member_name(member.api)] = value
    return structure


def from_members(spec_class: type[SpecT], response: Mapping[str, Any], **fields: Any) -> SpecT:
    """Return the spec that a response describes.

    Fields without a member in the response get their defaults, so a default must be what AWS uses. A field without a default gets
    even an empty value.

    Args:
        spec_class: A class whose fields are declared with `member`.
        response: A response, or a structure in it.
        fields: Values of fields that the response does not have, such as the tags.
    """
    types = get_types(spec_class)
    values = dict(fields)
    for name, member in get_members(spec_class).items():
        value = response.get(get_member_name(member.api)) if member.api and name not in fields else None
        if value is not None and (member.required or not _is_unset(value)):
            values[name] = to_field_value(value, types[name], member)
    return spec_class(**values)


def get_member_name(api: str) -> str:
    """Return the last part of a member's path: `period` of `CreateFleetMetric.period`."""
    return api.rpartition(".")[2]


def _is_unset(value: Any) -> bool:
    """Return whether AWS treats a value as absent: None, and an empty text, list or map."""
    return value is None or value in ("", [], {})


def to_field_value(value: Any, annotation: Any, member: Member) -> Any:
    """Return a member's value as its field has it.

    Names of other resources become references outside the file.
    """
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(part for part in get_args(annotation) if part is not type(None))
    origin = get_origin(annotation)
    if origin is tuple:
        return tuple(to_field_value(item, get_args(annotation)[0], member) for item in value)
    if origin is Mapping:
        return {
            key: to_field_value(item, get_args(annotation)[1], member) for key, item in sorted(value.items())
        }
    if member.references and not member.is_builtin(value):
        return External(value)
    if annotation is Document:
        return Document.from_live(value)
    if annotation is Secret:
        return Secret("the live value", value)
    if attrs.has(annotation):
        return from_members(annotation, value)
    return value
