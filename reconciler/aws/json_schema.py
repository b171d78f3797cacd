"""The limits that AWS documents as JSON Schema, as far as JSON Schema can say them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.aws.service_model import TAGS, compiled, shape_of

_FOREIGN = re.compile(r"\\[pPzZAGQE]|\(\?|[*+?}]\+|\[\^?\[|&&")
"""What is in Java's and `regex`'s patterns and not in ECMA 262's, or has another meaning there."""


def constraints(service: str, member: str) -> Mapping[str, Any]:
    """What the service model says of a request member. Raises LookupError when there is no such member."""
    return _of(shape_of(service, member))


def _of(shape: Any) -> dict[str, Any]:
    match shape.type_name:
        case "string":
            return _string(shape)
        case "integer" | "long" | "float" | "double":
            return _bounds(shape, "minimum", "maximum")
        case "map":
            return _map(shape.metadata.get("max"), shape.key, shape.value)
        case "list" if _is_tag(shape.member):
            key, value = (shape.member.members[name] for name in ("Key", "Value"))
            return _map(shape.metadata.get("max", TAGS), key, value)
        case "list":
            most = _bounds(shape, None, "maxItems")
            return {**most, **({"items": inner} if (inner := _of(shape.member)) else {})}
        case "structure" if not shape.is_document_type:
            return _structure(shape)
        case _:
            return {}


def _structure(shape: Any) -> dict[str, Any]:
    """An object, whose members say their types besides."""
    properties = {
        name: {**_TYPES.get(member.type_name, {}), **_of(member)} for name, member in shape.members.items()
    }
    found = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**found, "required": list(shape.required_members)} if shape.required_members else found


_TYPES: Mapping[str, Mapping[str, Any]] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "long": {"type": "integer"},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "list": {"type": "array"},
    "map": {"type": "object"},
}


def _string(shape: Any) -> dict[str, Any]:
    if shape.enum:
        return {"enum": list(shape.enum)}
    found = _bounds(shape, "minLength", "maxLength")
    pattern = shape.metadata.get("pattern")
    if pattern and (plain := _plain(pattern)):
        found["pattern"] = f"^(?:{plain})$"
    return found


def _plain(written: str) -> str | None:
    """A pattern that means the same to every reader of JSON Schema; None where there is no such."""
    meant = compiled(written)
    if meant is None or _FOREIGN.search(meant.pattern):
        return None
    try:
        re.compile(meant.pattern)
    except re.error:
        return None
    return str(meant.pattern)


def _map(most: int | None, key: Any, value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {} if most is None else {"maxProperties": most}
    if names := _of(key):
        found["propertyNames"] = names
    if values := _of(value):
        found["additionalProperties"] = values
    return found


def _bounds(shape: Any, least: str | None, most: str) -> dict[str, Any]:
    found = {}
    if least and shape.metadata.get("min"):
        found[least] = shape.metadata["min"]
    if "max" in shape.metadata:
        found[most] = shape.metadata["max"]
    return found


def _is_tag(shape: Any) -> bool:
    return shape.type_name == "structure" and set(shape.members) == {"Key", "Value"}
