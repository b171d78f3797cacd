"""The JSON Schema (draft 2020-12) of a desired-state file, derived from the kinds and the loader.

It is for editors, which complete keys and underline errors. `load` decides what is valid; the schema leaves out what
depends on another file, another table or AWS. A text with a brace in it may have columns of a `for_each` table, so no
limit holds for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import attrs

from reconciler.engine.load.converters import accepts_document_or_name, select_file_types
from reconciler.engine.load.declarations import MAX_NAME_LENGTH, WORKSPACE
from reconciler.engine.load.for_each import FOR_EACH
from reconciler.engine.load.input_files import VARIABLE_NAME
from reconciler.engine.load.moved_removed import INLINE_MOVED_KEYS, MOVED, MOVED_REMOVED_KEYS
from reconciler.engine.load.resources import CommonKeys
from reconciler.engine.load.workspace_table import NAMED_TARGETS, PERCENT_RANGE, TEXT_PATTERNS
from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.schema import Member
from reconciler.kinds.base.tags import TAG_PREFIX
from reconciler.kinds.shared.ownership_markers import list_reserved_addresses
from reconciler.model.document import Document
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import Reference
from reconciler.model.secret import Secret
from reconciler.model.settings import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"

MemberSchemas = Callable[[str, str], Mapping[str, Any]]
"""Returns AWS's limits of a request member (service, `CreateThing.thingName`) as JSON Schema."""

Node = dict[str, Any]

_URL = r"^https?://[^\s/?#@]+([/?#]\S*)?$"
_UNRESERVED_KEY: Node = {"not": {"pattern": f"^{TAG_PREFIX}"}}

_TEXT: Node = {"type": "string"}
_FILE: Node = {"$ref": "#/$defs/file"}
_DOCUMENT: Node = {"$ref": "#/$defs/document"}
_TEXT_OR_FILE: Node = {"anyOf": [_TEXT, _FILE]}
_TEXT_WITH_BRACE: Node = {"type": "string", "pattern": "[{}]"}
_NODES_BY_TYPE: Mapping[Any, Node] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    OutputFile: {"type": "string", "pattern": "^[^\\n]+$"},
    Pem: {"$ref": "#/$defs/pem"},
    Document: _DOCUMENT,
    Secret: {"$ref": "#/$defs/secret"},
    Reference: {"$ref": "#/$defs/reference"},
}


def build_json_schema(member_schemas: MemberSchemas) -> Node:
    """Return the whole schema, which is the same for the same versions of this package and of boto3."""
    kinds = all_kinds()
    return {
        "$schema": DIALECT,
        "title": "reconciler: desired state for AWS IoT",
        "type": "object",
        "properties": {
            WORKSPACE: _build_workspace_form(member_schemas),
            **{name: _build_moved_or_removed_form(keys) for name, keys in MOVED_REMOVED_KEYS.items()},
            **{table: _build_tables_form(kind, member_schemas) for table, kind in kinds.items()},
        },
        "additionalProperties": False,
        "$defs": {
            **_build_shared_definitions(),
            **{table: _build_table_form(kind, member_schemas) for table, kind in kinds.items()},
        },
    }


def _build_shared_definitions() -> Node:
    """Return the definitions that many fields refer to."""
    return {
        "file": _build_closed_object(
            {"file": {"type": "string", "minLength": 1}}, "A file in the folder of this one."
        ),
        "env": _build_closed_object(
            {"env": _allow_brace({"type": "string", "pattern": f"^(?:{VARIABLE_NAME.pattern})$"})},
            "An environment variable.",
        ),
        "reference": {
            "description": "A name in this file, or the ID or the ARN of a resource outside it.",
            "anyOf": [
                {"type": "string"},
                _build_closed_object({"id": {"type": "string", "minLength": 1}}),
                _build_closed_object(
                    {"arn": _allow_brace({"type": "string", "pattern": "^arn(:[^:]*){4}:.*[^/]$"})}
                ),
            ],
        },
        "pem": {
            "description": "A certificate in PEM.",
            "anyOf": [
                _allow_brace({"type": "string", "pattern": "-----BEGIN CERTIFICATE-----"}),
                _FILE,
            ],
        },
        "document": {
            "description": "A JSON object: a file, text, or a table.",
            "anyOf": [_FILE, {"type": "string"}, {"type": "object"}],
        },
        "secret": {
            "description": "Where a secret is read from; it is never written into the file.",
            "anyOf": [{"$ref": "#/$defs/env"}, _FILE],
        },
        "for_each": _build_for_each_definition(),
    }


def _build_for_each_definition() -> Node:
    row = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
    manifest_name = {"type": "string", "pattern": "\\.([cC][sS][vV]|[jJ][sS][oO][nN][lL])$"}
    return {
        "description": "One resource for each row; any text may contain {column}s.",
        "anyOf": [_build_closed_object({"file": manifest_name}), {"type": "array", "items": row}],
    }


def _build_workspace_form(member_schemas: MemberSchemas) -> Node:
    node = _build_object_form(Settings, _TEXT)
    properties = node["properties"]
    properties["name"] |= _build_workspace_name_limits(member_schemas)
    properties["target"]["anyOf"] = [{"enum": list(NAMED_TARGETS)}, {"pattern": _URL}]
    for name, pattern in TEXT_PATTERNS.items():
        properties[name]["pattern"] = f"^(?:{pattern.pattern})$"
    properties["quotas"]["additionalProperties"]["additionalProperties"]["exclusiveMinimum"] = 0
    limits = properties["limits"]["properties"]
    kind_limits = limits.pop("kinds")["additionalProperties"]
    for limit_nodes in (limits, kind_limits["properties"]):
        for name, limit_node in limit_nodes.items():
            limit_node |= {"minimum": 0}
            if name.endswith("percent"):
                limit_node |= {"minimum": PERCENT_RANGE.start, "maximum": PERCENT_RANGE.stop - 1}
    # In the file, the kinds' tables are next to the limits.
    limits |= dict.fromkeys(sorted(all_kinds()), kind_limits)
    return {"description": "The owner of these resources, and the registry that they are in.", **node}


def _build_moved_or_removed_form(keys: Sequence[str]) -> Node:
    """Return the form of `[[moved]]` or `[[removed]]`."""
    address = {"type": "string", "pattern": rf"^({'|'.join(all_kinds())})\..+$"}
    properties = {key: {"const": False} if key == "destroy" else address for key in keys}
    return {"type": "array", "items": _build_closed_object(properties)}


def _build_workspace_name_limits(member_schemas: MemberSchemas) -> Node:
    """Return the limits of the workspace's name, which is a part of the ownership markers' names."""
    patterns: list[Node] = []
    node: Node = {"minLength": 1, "allOf": patterns}
    kinds = all_kinds()
    for address in sorted(list_reserved_addresses("")):
        kind = kinds[address.kind]
        limits = member_schemas(kind.service, kind.name_api) if kind.name_api else {}
        if "pattern" in limits and {"pattern": limits["pattern"]} not in patterns:
            patterns.append({"pattern": limits["pattern"]})
        if "maxLength" in limits:
            max_length = limits["maxLength"] - len(address.name)
            node["maxLength"] = min(max_length, node.get("maxLength", max_length))
    return node


def _build_tables_form(kind: Kind, member_schemas: MemberSchemas) -> Node:
    limits = member_schemas(kind.service, kind.name_api) if kind.name_api else {}
    names = {"minLength": 1, "maxLength": MAX_NAME_LENGTH, **limits}
    return {
        "type": "object",
        "description": f"{kind.noun[:1].upper()}{kind.noun[1:]}s, by their names.",
        "propertyNames": {"anyOf": [names, {"pattern": _TEXT_WITH_BRACE["pattern"]}]},
        "additionalProperties": {"$ref": f"#/$defs/{kind.table}"},
    }


def _build_table_form(kind: Kind, member_schemas: MemberSchemas) -> Node:
    node = _build_object_form(kind.spec_class, _TEXT_OR_FILE)
    for name, member in kind.members.items():
        limits = member_schemas(kind.service, member.api) if member.api else {}
        field_node = _add_limits(node["properties"][name], limits, member)
        node["properties"][name] = {"description": member.doc, **field_node}
    common_keys = _build_object_form(CommonKeys, _TEXT)["properties"]
    common_keys[MOVED] = _build_closed_object(
        {key: {"type": "string", "pattern": rf"^{kind.table}\.|[{{}}]"} for key in INLINE_MOVED_KEYS}
    )
    node["properties"] |= {**common_keys, FOR_EACH: {"$ref": "#/$defs/for_each"}}
    return node


def _add_limits(node: Node, limits: Mapping[str, Any], member: Member) -> Node:
    """Return the form of a field with AWS's limits on literal values."""
    match node.get("type"):
        case "array":
            array_limits = {key: value for key, value in limits.items() if key == "maxItems"}
            if not member.references and "items" in limits:
                array_limits["items"] = _add_limits(node["items"], limits["items"], member)
            return {**node, **array_limits}
        case "object" if "properties" in node:
            properties = _add_structure_limits(node["properties"], limits.get("properties", {}), member)
            return {**node, "properties": properties}
        case "object":
            return {**node, **{key: _adapt_map_limit(key, value, node) for key, value in limits.items()}}
        case "integer" | "number":
            return {**node, **{key: limits[key] for key in limits if key != "type"}}
        case _ if node == _DOCUMENT and "properties" in limits:
            return {"anyOf": [_FILE, _TEXT, _allow_braces(limits)]}
        case _ if node.get("anyOf", [{}])[0] == _TEXT and not member.references:
            text = _allow_brace({**_TEXT, **limits}) if limits else _TEXT
            return {**node, "anyOf": [text, *node["anyOf"][1:]]}
        case _:
            return node


def _add_structure_limits(properties: Node, limits: Mapping[str, Any], member: Member) -> Node:
    """Return the fields of a table with the limits of AWS's structure.

    AWS spells the member names differently.
    """
    limits_by_name = {name.lower(): limit for name, limit in limits.items()}
    return {
        name: _add_limits(node, limits_by_name.get(name.replace("_", ""), {}), member)
        for name, node in properties.items()
    }


def _allow_braces(node: Any) -> Any:
    """Return the form of JSON in which any text may have columns."""
    if not isinstance(node, Mapping):
        return node
    relaxed = {key: _allow_braces(value) for key, value in node.items() if key != "properties"}
    if "properties" in node:
        relaxed["properties"] = {name: _allow_braces(value) for name, value in node["properties"].items()}
    return _allow_brace(relaxed) if node.get("type") == "string" else relaxed


def _adapt_map_limit(key: str, limit: Any, node: Node) -> Any:
    """Return the limit of a map: of its keys, of its values, or of its size."""
    if key == "propertyNames":
        return {**_UNRESERVED_KEY, "anyOf": [limit, {"pattern": _TEXT_WITH_BRACE["pattern"]}]}
    if key == "additionalProperties":
        values = node[key]
        return _allow_brace({**values, **limit}) if values == _TEXT else values
    return limit


def _build_object_form(cls: type, text: Node) -> Node:
    """Return the form of an attrs class as a table; `text` is the form of its texts."""
    fields = attrs.fields(attrs.resolve_types(cls))
    properties = {
        field.name: {**_build_field_form(field.type, text), **_build_default(field)} for field in fields
    }
    required = [field.name for field in fields if field.default is attrs.NOTHING]
    node: Node = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**node, "required": required} if required else node


def _build_default(field: Any) -> Node:
    return {"default": field.default} if isinstance(field.default, str | int | float) else {}


def _build_field_form(annotation: Any, text: Node) -> Node:
    """Return the form of a field with this annotation, as the loader reads it."""
    if accepts_document_or_name(annotation):
        return {"anyOf": [_FILE, _TEXT, {"type": "object", "properties": {"id": False, "arn": False}}]}
    forms = [_build_type_form(file_type, text) for file_type in select_file_types(annotation)]
    return forms[0] if len(forms) == 1 else {"anyOf": forms}


def _build_type_form(annotation: Any, text: Node) -> Node:
    origin = annotation if annotation == Reference else get_origin(annotation) or annotation
    if origin is Literal:
        return _allow_brace({"enum": list(get_args(annotation))})
    if origin is Mapping:
        item_type = get_args(annotation)[1]
        values = _TEXT if item_type is str else _build_field_form(item_type, text)
        return {"type": "object", "propertyNames": _UNRESERVED_KEY, "additionalProperties": values}
    if origin is tuple:
        items = _build_field_form(get_args(annotation)[0], text)
        return {"type": "array", "items": items, "uniqueItems": True}
    if origin is str:
        return dict(text)
    if origin in _NODES_BY_TYPE:
        return dict(_NODES_BY_TYPE[origin])
    return _build_object_form(origin, text)


def _allow_brace(node: Node) -> Node:
    return {"anyOf": [node, _TEXT_WITH_BRACE]}


def _build_closed_object(properties: Node, description: str | None = None) -> Node:
    described = {"description": description} if description else {}
    return {
        **described,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
