"""AWS's constraints in the JSON Schema of a field, relaxed where a text may have a name in braces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.engine.load.json_schema_types import (
    DOCUMENT,
    FILE,
    TEXT,
    TEXT_WITH_BRACE,
    UNRESERVED_KEY,
    Schema,
    allow_brace,
)
from reconciler.kinds.base.schema import Member


def add_constraints(schema: Schema, constraints: Mapping[str, Any], member: Member) -> Schema:
    """Return the schema of a field with AWS's constraints on values that are written in the file itself."""
    match schema.get("type"):
        case "array":
            array_constraints = {key: value for key, value in constraints.items() if key == "maxItems"}
            if not member.references and "items" in constraints:
                array_constraints["items"] = add_constraints(schema["items"], constraints["items"], member)
            return {**schema, **array_constraints}
        case "object" if "properties" in schema:
            properties = _add_structure_constraints(
                schema["properties"], constraints.get("properties", {}), member
            )
            return {**schema, "properties": properties}
        case "object":
            return {
                **schema,
                **{key: _adapt_map_constraint(key, value, schema) for key, value in constraints.items()},
            }
        case "integer" | "number":
            return {**schema, **{key: constraints[key] for key in constraints if key != "type"}}
        case _ if schema == DOCUMENT and "properties" in constraints:
            return {"anyOf": [FILE, TEXT, _allow_brace_in_each_text(constraints)]}
        case _ if schema.get("anyOf", [{}])[0] == TEXT and not member.references:
            # The field takes a text or, in its place, a file or a secret.
            text = allow_brace({**TEXT, **constraints}) if constraints else TEXT
            return {**schema, "anyOf": [text, *schema["anyOf"][1:]]}
        case _:
            return schema


def _add_structure_constraints(properties: Schema, constraints: Mapping[str, Any], member: Member) -> Schema:
    """Return the schemas of a table's fields, with the constraints of AWS's structure.

    AWS writes its member names in camel case, the file in snake case.
    """
    constraints_by_name = {name.lower(): constraint for name, constraint in constraints.items()}
    return {
        name: add_constraints(schema, constraints_by_name.get(name.replace("_", ""), {}), member)
        for name, schema in properties.items()
    }


def _allow_brace_in_each_text(schema: Any) -> Any:
    """Return the schema of a JSON value, changed so that each text in it may also be one with a brace."""
    if not isinstance(schema, Mapping):
        return schema
    relaxed = {key: _allow_brace_in_each_text(value) for key, value in schema.items() if key != "properties"}
    if "properties" in schema:
        relaxed["properties"] = {
            name: _allow_brace_in_each_text(value) for name, value in schema["properties"].items()
        }
    return allow_brace(relaxed) if schema.get("type") == "string" else relaxed


def _adapt_map_constraint(key: str, constraint: Any, schema: Schema) -> Any:
    """Return AWS's constraint on a map's keys, values or size, as the file's schema needs it.

    Keys and texts with a brace are accepted. `schema` is the map's own schema. If its values may be other than
    texts, their schema is kept, without AWS's constraint.
    """
    if key == "propertyNames":
        return {**UNRESERVED_KEY, "anyOf": [constraint, {"pattern": TEXT_WITH_BRACE["pattern"]}]}
    if key == "additionalProperties":
        values = schema[key]
        return allow_brace({**values, **constraint}) if values == TEXT else values
    return constraint
