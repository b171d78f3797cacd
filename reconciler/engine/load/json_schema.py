"""The form of a desired-state file as JSON Schema (draft 2020-12), made of what the kinds and the loader declare.

It is for editors: they complete keys and underline what is wrong while one types. `load` is the judge; what needs another
file, another table or AWS to be known is not in the schema. A text with a brace in it may be a fleet's, and become
anything, so no limit holds for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import attrs

from reconciler.engine.load.converters import alternatives, is_named_document
from reconciler.engine.load.declarations import LONGEST_NAME, WORKSPACE
from reconciler.engine.load.for_each import FOR_EACH
from reconciler.engine.load.input_files import VARIABLE
from reconciler.engine.load.moved_removed import KEYS, MOVED, WITHIN
from reconciler.engine.load.resources import Around
from reconciler.engine.load.workspace_table import FORMS, PERCENT, TARGETS
from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.schema import Member
from reconciler.kinds.base.tags import TAG_PREFIX
from reconciler.kinds.shared.ownership_markers import reserved_addresses
from reconciler.model.document import Document
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import Reference
from reconciler.model.secret import Secret
from reconciler.model.settings import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Constraints = Callable[[str, str], Mapping[str, Any]]
"""What AWS's limits say of a request member (service, `CreateThing.thingName`) as JSON Schema."""

Node = dict[str, Any]

_URL = r"^https?://[^\s/?#@]+([/?#]\S*)?$"
_KEY: Node = {"not": {"pattern": f"^{TAG_PREFIX}"}}

_TEXT: Node = {"type": "string"}
_FILE: Node = {"$ref": "#/$defs/file"}
_DOCUMENT: Node = {"$ref": "#/$defs/document"}
_RICH: Node = {"anyOf": [_TEXT, _FILE]}
_COLUMN: Node = {"type": "string", "pattern": "[{}]"}
_PLAIN: Mapping[Any, Node] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    OutputFile: {"type": "string", "pattern": "^[^\\n]+$"},
    Pem: {"$ref": "#/$defs/pem"},
    Document: _DOCUMENT,
    Secret: {"$ref": "#/$defs/secret"},
    Reference: {"$ref": "#/$defs/reference"},
}


def schema(constraints: Constraints) -> Node:
    """The whole schema, the same for the same version of this package and of boto3."""
    kinds = all_kinds()
    return {
        "$schema": DIALECT,
        "title": "reconciler: desired state for AWS IoT",
        "type": "object",
        "properties": {
            WORKSPACE: _workspace(constraints),
            **{name: _transitions(keys) for name, keys in KEYS.items()},
            **{table: _tables(kind, constraints) for table, kind in kinds.items()},
        },
        "additionalProperties": False,
        "$defs": {**_shared(), **{table: _table(kind, constraints) for table, kind in kinds.items()}},
    }


def _shared() -> Node:
    """What many fields have in common."""
    return {
        "file": _closed({"file": {"type": "string", "minLength": 1}}, "A file in the folder of this one."),
        "env": _closed(
            {"env": _or_column({"type": "string", "pattern": f"^(?:{VARIABLE.pattern})$"})},
            "An environment variable.",
        ),
        "reference": {
            "description": "A name in this file, or the id or the ARN of something outside it.",
            "anyOf": [
                {"type": "string"},
                _closed({"id": {"type": "string", "minLength": 1}}),
                _closed({"arn": _or_column({"type": "string", "pattern": "^arn(:[^:]*){4}:.*[^/]$"})}),
            ],
        },
        "pem": {
            "description": "A certificate in PEM.",
            "anyOf": [
                _or_column({"type": "string", "pattern": "-----BEGIN CERTIFICATE-----"}),
                _FILE,
            ],
        },
        "document": {
            "description": "A JSON object: a file, text, or a table.",
            "anyOf": [_FILE, {"type": "string"}, {"type": "object"}],
        },
        "secret": {
            "description": "Where a secret is; it is never written into the file.",
            "anyOf": [{"$ref": "#/$defs/env"}, _FILE],
        },
        "for_each": {
            "description": "One resource for each row; any text may have {column}s in it.",
            "anyOf": [
                _closed({"file": {"type": "string", "pattern": "\\.([cC][sS][vV]|[jJ][sS][oO][nN][lL])$"}}),
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": {"type": ["string", "number", "boolean"]},
                    },
                },
            ],
        },
    }


def _workspace(constraints: Constraints) -> Node:
    node = _object(Settings, _TEXT)
    node["properties"]["name"] |= _name(constraints)
    node["properties"]["target"]["anyOf"] = [{"enum": list(TARGETS)}, {"pattern": _URL}]
    for name, pattern in FORMS.items():
        node["properties"][name]["pattern"] = f"^(?:{pattern.pattern})$"
    node["properties"]["quotas"]["additionalProperties"]["additionalProperties"]["exclusiveMinimum"] = 0
    fuses = node["properties"]["limits"]["properties"]
    single = fuses.pop("kinds")["additionalProperties"]
    for limits in (fuses, single["properties"]):
        for name, fuse in limits.items():
            fuse |= {"minimum": 0}
            if name.endswith("percent"):
                fuse |= {"minimum": PERCENT.start, "maximum": PERCENT.stop - 1}
    fuses |= dict.fromkeys(sorted(all_kinds()), single)  # beside them, by table
    return {"description": "Whose resources these are, and where they live.", **node}


def _transitions(keys: Sequence[str]) -> Node:
    """What becomes of addresses that the file no longer has."""
    address = {"type": "string", "pattern": rf"^({'|'.join(all_kinds())})\..+$"}
    forms = {key: {"const": False} if key == "destroy" else address for key in keys}
    return {"type": "array", "items": _closed(forms)}


def _name(constraints: Constraints) -> Node:
    """What the names of the workspace's marks leave to its own."""
    patterns: list[Node] = []
    found: Node = {"minLength": 1, "allOf": patterns}
    for mark in sorted(reserved_addresses("")):
        kind = all_kinds()[mark.kind]
        limits = constraints(kind.service, kind.name_api) if kind.name_api else {}
        if "pattern" in limits and {"pattern": limits["pattern"]} not in patterns:
            patterns.append({"pattern": limits["pattern"]})
        if "maxLength" in limits:
            room = limits["maxLength"] - len(mark.name)
            found["maxLength"] = min(room, found.get("maxLength", room))
    return found


def _tables(kind: Kind, constraints: Constraints) -> Node:
    limits = constraints(kind.service, kind.name_api) if kind.name_api else {}
    names = {"minLength": 1, "maxLength": LONGEST_NAME, **limits}
    return {
        "type": "object",
        "description": f"{kind.noun[:1].upper()}{kind.noun[1:]}s, by their names.",
        "propertyNames": {"anyOf": [names, {"pattern": _COLUMN["pattern"]}]},
        "additionalProperties": {"$ref": f"#/$defs/{kind.table}"},
    }


def _table(kind: Kind, constraints: Constraints) -> Node:
    node = _object(kind.spec_class, _RICH)
    for name, member in kind.members.items():
        limits = constraints(kind.service, member.api) if member.api else {}
        said = _limited(node["properties"][name], limits, member)
        node["properties"][name] = {"description": member.doc, **said}
    around = _object(Around, _TEXT)["properties"]
    around[MOVED] = _closed(
        {key: {"type": "string", "pattern": rf"^{kind.table}\.|[{{}}]"} for key in WITHIN}
    )
    node["properties"] |= {**around, FOR_EACH: {"$ref": "#/$defs/for_each"}}
    return node


def _limited(node: Node, limits: Mapping[str, Any], member: Member) -> Node:
    """The form of a field with AWS's limits on what is written out."""
    match node.get("type"):
        case "array":
            most = {key: value for key, value in limits.items() if key == "maxItems"}
            if not member.references and "items" in limits:
                most["items"] = _limited(node["items"], limits["items"], member)
            return {**node, **most}
        case "object" if "properties" in node:
            return {**node, "properties": _spelt(node["properties"], limits.get("properties", {}), member)}
        case "object":
            return {**node, **{key: _keyed(key, value, node) for key, value in limits.items()}}
        case "integer" | "number":
            return {**node, **{key: limits[key] for key in limits if key != "type"}}
        case _ if node == _DOCUMENT and "properties" in limits:
            return {"anyOf": [_FILE, _TEXT, _loose(limits)]}
        case _ if node.get("anyOf", [{}])[0] == _TEXT and not member.references:
            return {
                **node,
                "anyOf": [_or_column({**_TEXT, **limits}) if limits else _TEXT, *node["anyOf"][1:]],
            }
        case _:
            return node


def _spelt(properties: Node, limits: Mapping[str, Any], member: Member) -> Node:
    """The fields of a table that AWS has as a structure: its own names are spelt otherwise."""
    known = {name.lower(): found for name, found in limits.items()}
    return {
        name: _limited(node, known.get(name.replace("_", ""), {}), member)
        for name, node in properties.items()
    }


def _loose(node: Any) -> Any:
    """A form for JSON in which any text may be a fleet's."""
    if not isinstance(node, Mapping):
        return node
    made = {key: _loose(value) for key, value in node.items() if key != "properties"}
    if "properties" in node:
        made["properties"] = {name: _loose(found) for name, found in node["properties"].items()}
    return _or_column(made) if node.get("type") == "string" else made


def _keyed(key: str, value: Any, node: Node) -> Any:
    """Limits of a map: of its keys, of its values, of its size."""
    if key == "propertyNames":
        return {**_KEY, "anyOf": [value, {"pattern": _COLUMN["pattern"]}]}
    if key == "additionalProperties":
        inner = node[key]
        return _or_column({**inner, **value}) if inner == _TEXT else inner
    return value


def _object(cls: type, text: Node) -> Node:
    """An attrs class as a table; `text` is what its texts may be."""
    fields = attrs.fields(attrs.resolve_types(cls))
    properties = {field.name: {**_form(field.type, text), **_default(field)} for field in fields}
    required = [field.name for field in fields if field.default is attrs.NOTHING]
    node: Node = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**node, "required": required} if required else node


def _default(field: Any) -> Node:
    return {"default": field.default} if isinstance(field.default, str | int | float) else {}


def _form(annotation: Any, text: Node) -> Node:
    """What a field of this annotation takes, as the loader reads it."""
    if is_named_document(annotation):
        return {"anyOf": [_FILE, _TEXT, {"type": "object", "properties": {"id": False, "arn": False}}]}
    forms = [_single(part, text) for part in alternatives(annotation)]
    return forms[0] if len(forms) == 1 else {"anyOf": forms}


def _single(annotation: Any, text: Node) -> Node:
    match _origin(annotation):
        case origin if origin is Literal:
            return _or_column({"enum": list(get_args(annotation))})
        case origin if origin is Mapping:
            item = get_args(annotation)[1]
            values = _TEXT if item is str else _form(item, text)
            return {"type": "object", "propertyNames": _KEY, "additionalProperties": values}
        case origin if origin is tuple:
            return {"type": "array", "items": _form(get_args(annotation)[0], text), "uniqueItems": True}
        case origin if origin is str:
            return dict(text)
        case origin if origin in _PLAIN:
            return dict(_PLAIN[origin])
        case origin:
            return _object(origin, text)


def _origin(annotation: Any) -> Any:
    return annotation if annotation == Reference else get_origin(annotation) or annotation


def _or_column(node: Node) -> Node:
    return {"anyOf": [node, _COLUMN]}


def _closed(properties: Node, description: str | None = None) -> Node:
    told = {"description": description} if description else {}
    return {
        **told,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
