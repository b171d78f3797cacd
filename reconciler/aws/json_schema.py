"""AWS's documented constraints as JSON Schema, as far as JSON Schema can express them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.aws.java_patterns import translate_pattern
from reconciler.aws.request_shapes import Shape, find_shape
from reconciler.kinds.base.aws_limits import TAGS

_NOT_PORTABLE = re.compile(r"\\[pPzZAGQE]|\(\?|[*+?}]\+|\[\^?\[|&&")
"""Syntax of Java's and `regex`'s patterns that ECMA 262 lacks or reads differently."""

_JSON_TYPES: Mapping[str, Mapping[str, Any]] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "long": {"type": "integer"},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "list": {"type": "array"},
    "map": {"type": "object"},
}


def build_member_schema(service: str, member: str) -> Mapping[str, Any]:
    """Return the JSON Schema of a request member. Raises LookupError when there is no such member."""
    return _build_schema(find_shape(service, member))


def _build_schema(shape: Shape) -> dict[str, Any]:
    match shape.type_name:
        case "string":
            return _build_string_schema(shape)
        case "integer" | "long" | "float" | "double":
            return _build_bounds(shape, "minimum", "maximum")
        case "map":
            return _build_map_schema(shape.max, shape.key, shape.value)
        case "list" if _is_tag(shape.member):
            key, value = (shape.member.members[name] for name in ("Key", "Value"))
            return _build_map_schema(TAGS.maximum if shape.max is None else shape.max, key, value)
        case "list":
            items = _build_schema(shape.member)
            return {**_build_bounds(shape, None, "maxItems"), **({"items": items} if items else {})}
        case "structure" if not shape.is_document:
            return _build_structure_schema(shape)
        case _:
            return {}


def _build_structure_schema(shape: Shape) -> dict[str, Any]:
    """Return the schema of an object, with the types of its members.

    `_build_schema` leaves the type out of all other schemas, because the types of fields come from the spec classes.
    """
    properties = {
        name: {**_JSON_TYPES.get(member.type_name, {}), **_build_schema(member)}
        for name, member in shape.members.items()
    }
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": list(shape.required_members)} if shape.required_members else schema


def _build_string_schema(shape: Shape) -> dict[str, Any]:
    if shape.enum:
        return {"enum": list(shape.enum)}
    schema = _build_bounds(shape, "minLength", "maxLength")
    portable = _to_portable_pattern(shape.pattern) if shape.pattern else None
    if portable:
        schema["pattern"] = f"^(?:{portable})$"
    return schema


def _to_portable_pattern(pattern: str) -> str | None:
    """Return the pattern for JSON Schema, or None if validators would interpret it differently."""
    translated = translate_pattern(pattern)
    if _NOT_PORTABLE.search(translated):
        return None
    try:
        re.compile(translated)
    except re.error:
        return None
    return translated


def _build_map_schema(max_properties: float | None, key: Shape, value: Shape) -> dict[str, Any]:
    schema: dict[str, Any] = {} if max_properties is None else {"maxProperties": max_properties}
    key_schema, value_schema = _build_schema(key), _build_schema(value)
    if key_schema:
        schema["propertyNames"] = key_schema
    if value_schema:
        schema["additionalProperties"] = value_schema
    return schema


def _build_bounds(shape: Shape, min_key: str | None, max_key: str) -> dict[str, Any]:
    bounds = {}
    if min_key and shape.min:
        bounds[min_key] = shape.min
    if shape.max is not None:
        bounds[max_key] = shape.max
    return bounds


def _is_tag(shape: Shape) -> bool:
    return shape.type_name == "structure" and set(shape.members) == {"Key", "Value"}
