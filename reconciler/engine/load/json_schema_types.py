"""JSON Schemas of the values of fields, derived from their Python types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

import attrs

from reconciler.engine.load.input_files import KEY_SECRET_NAME
from reconciler.engine.load.toml_types import accepts_document_or_name, accepts_external, select_toml_types
from reconciler.kinds.base.schema import LongText
from reconciler.kinds.base.tags import TAG_PREFIX
from reconciler.model.document import Document
from reconciler.model.output_file import KeyFile, OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import Reference
from reconciler.model.secret import KeySecret, Secret

Schema = dict[str, Any]

UNRESERVED_KEY: Schema = {"not": {"pattern": f"^{TAG_PREFIX}"}}


TEXT: Schema = {"type": "string"}
FILE: Schema = {"$ref": "#/$defs/file"}
DOCUMENT: Schema = {"$ref": "#/$defs/document"}
TEXT_OR_FILE: Schema = {"anyOf": [TEXT, FILE]}
TEXT_WITH_BRACE: Schema = {"type": "string", "pattern": "[{}]"}
_SCHEMAS_BY_TYPE: Mapping[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    OutputFile: {"type": "string", "pattern": "^[^\\n]+$"},
    KeyFile: {"type": "string", "pattern": "^[^\\n]+$"},
    KeySecret: {
        "anyOf": [
            {"type": "string", "pattern": f"^(?:{KEY_SECRET_NAME})$"},
            {"type": "string", "pattern": "[{}]"},
        ]
    },
    Pem: {"$ref": "#/$defs/pem"},
    Document: DOCUMENT,
    Secret: {"$ref": "#/$defs/secret"},
    Reference: {"$ref": "#/$defs/reference"},
}


def build_object_schema(cls: type, text: Schema) -> Schema:
    """Return the schema of a table that becomes an attrs object; `text` is the schema of its texts."""
    fields = attrs.fields(attrs.resolve_types(cls))
    properties = {
        field.name: {**_build_field_schema(field.type, text), **_build_default(field)} for field in fields
    }
    required = [field.name for field in fields if field.default is attrs.NOTHING]
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def _build_default(field: Any) -> Schema:
    return {"default": field.default} if isinstance(field.default, str | int | float) else {}


def _build_field_schema(annotation: Any, text: Schema) -> Schema:
    """Return the schema of the values that the loader accepts for this annotation."""
    if accepts_document_or_name(annotation):
        references = [_SCHEMAS_BY_TYPE[Reference]] if accepts_external(annotation) else []
        document = {"type": "object", "properties": {"id": False, "arn": False}}
        return {"anyOf": [FILE, TEXT, *references, document]}
    schemas = [_build_type_schema(file_type, text) for file_type in select_toml_types(annotation)]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _build_type_schema(annotation: Any, text: Schema) -> Schema:
    origin = annotation if annotation == Reference else get_origin(annotation) or annotation
    if origin is Literal:
        return allow_brace({"enum": list(get_args(annotation))})
    if origin is Mapping:
        item_type = get_args(annotation)[1]
        values = TEXT if item_type is str else _build_field_schema(item_type, text)
        return {"type": "object", "propertyNames": UNRESERVED_KEY, "additionalProperties": values}
    if origin is tuple:
        items = _build_field_schema(get_args(annotation)[0], text)
        return {"type": "array", "items": items, "uniqueItems": True}
    if origin is str or origin is LongText:
        return dict(text)
    if origin in _SCHEMAS_BY_TYPE:
        return dict(_SCHEMAS_BY_TYPE[origin])
    return build_object_schema(origin, text)


def allow_brace(schema: Schema) -> Schema:
    """Return the schema, changed to accept any text with a brace as well."""
    return {"anyOf": [schema, TEXT_WITH_BRACE]}


def build_closed_object(properties: Schema, description: str | None = None) -> Schema:
    """Return the schema of a table that has exactly these keys."""
    annotations = {"description": description} if description else {}
    return {
        **annotations,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
