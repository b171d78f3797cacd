"""The JSON Schema (draft 2020-12) of a desired-state file, derived from the kinds and the loader.

It is for editors, which complete keys and underline errors. `load` decides what is valid; the schema leaves out what depends on
another file, on another table or on the resources in AWS. A text with a brace may be filled from a row. A kind's tables have
the same schema with `for_each` and without, so all of them accept any such text: neither AWS's constraints on it nor its format
are checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.engine.load.declarations import ENVIRONMENTS, VARIABLES, WORKSPACE
from reconciler.engine.load.for_each import FOR_EACH
from reconciler.engine.load.input_files import PARAMETER_NAME, SECRET_ID, VARIABLE_NAME
from reconciler.engine.load.json_schema_constraints import add_constraints
from reconciler.engine.load.json_schema_types import (
    FILE,
    TEXT,
    TEXT_OR_FILE,
    TEXT_WITH_BRACE,
    Schema,
    allow_brace,
    build_closed_object,
    build_object_schema,
)
from reconciler.engine.load.manifests.reader import FILE_EXTENSIONS
from reconciler.engine.load.moved_removed import INLINE_MOVED_KEYS, MOVED, MOVED_REMOVED_KEYS
from reconciler.engine.load.resource_names import MAX_NAME_LENGTH
from reconciler.engine.load.resources import CommonKeys
from reconciler.engine.load.variables import VARIABLE_TYPES
from reconciler.engine.load.workspace_table import (
    NAMED_TARGETS,
    PERCENT_RANGE,
    TEXT_PATTERNS,
    list_limited_kinds,
)
from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.shared.ownership_markers import list_reserved_addresses
from reconciler.model.address import ACCOUNT
from reconciler.model.settings import Settings
from reconciler.model.warning_codes import SILENCEABLE_CODES

DIALECT = "https://json-schema.org/draft/2020-12/schema"

MemberSchemas = Callable[[str, str], Mapping[str, Any]]
"""Takes a service and a request member, such as `CreateThing.thingName`; returns AWS's constraints on it as JSON Schema."""

_URL = r"^https?://[^\s/?#@]+([/?#]\S*)?$"
_VARIABLE: Schema = {"type": "string", "pattern": r"^\{(var|row|environment)\.[^{}]+\}$"}
"""A text that is one name in braces, whose value may have another type."""

_ANNOTATIONS = ("description", "default")


def build_json_schema(member_schemas: MemberSchemas) -> Schema:
    """Return the schema of a file; it depends only on the versions of this package and of boto3."""
    kinds = all_kinds()
    return {
        "$schema": DIALECT,
        "title": "reconciler: desired state for AWS IoT",
        "type": "object",
        "properties": {
            WORKSPACE: _build_workspace_schema(member_schemas),
            VARIABLES: _build_variables_schema(),
            ENVIRONMENTS: _build_environments_schema(member_schemas),
            **{name: _build_moved_or_removed_schema(keys) for name, keys in MOVED_REMOVED_KEYS.items()},
            **{
                table: _build_kind_schema(kind, member_schemas)
                for table, kind in kinds.items()
                if not kind.only_name
            },
            ACCOUNT: _build_account_schema(),
        },
        "additionalProperties": False,
        "$defs": {
            **_build_shared_definitions(),
            **{
                table: _allow_variables(_build_table_schema(kind, member_schemas))
                for table, kind in kinds.items()
            },
        },
    }


def _build_shared_definitions() -> Schema:
    """Return the definitions that many fields refer to."""
    return {
        "file": build_closed_object(
            {"file": {"type": "string", "minLength": 1}}, "A file in this file's folder or below it."
        ),
        "env": build_closed_object(
            {"env": allow_brace({"type": "string", "pattern": f"^(?:{VARIABLE_NAME.pattern})$"})},
            "An environment variable.",
        ),
        "reference": {
            "description": "A name in this file, or the ID or the ARN of a resource outside it.",
            "anyOf": [
                {"type": "string"},
                build_closed_object({"id": {"type": "string", "minLength": 1}}),
                build_closed_object(
                    {"arn": allow_brace({"type": "string", "pattern": "^arn(:[^:]*){4}:.*[^/]$"})}
                ),
            ],
        },
        "pem": {
            "description": "A certificate in PEM.",
            "anyOf": [
                allow_brace({"type": "string", "pattern": "-----BEGIN CERTIFICATE-----"}),
                FILE,
            ],
        },
        "document": {
            "description": "A JSON object: a file, text, or a table.",
            "anyOf": [FILE, {"type": "string"}, {"type": "object"}],
        },
        "secret": {
            "description": "Where a secret is read from; it is never written into the file.",
            "anyOf": [
                {"$ref": "#/$defs/env"},
                FILE,
                build_closed_object({"ssm": allow_brace(_build_pattern(PARAMETER_NAME))}),
                {
                    **build_closed_object(
                        {
                            "secretsmanager": allow_brace(_build_pattern(SECRET_ID)),
                            "key": {"type": "string", "minLength": 1},
                        }
                    ),
                    "required": ["secretsmanager"],
                },
            ],
        },
        "for_each": _build_for_each_definition(),
    }


def _build_pattern(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^(?:{pattern})$"}


def _build_for_each_definition() -> Schema:
    row = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
    extensions = "|".join(map(_match_any_case, FILE_EXTENSIONS))
    file = {
        "description": "The path of a manifest, or s3://BUCKET/KEY.",
        "type": "string",
        "pattern": f"\\.({extensions})$",
    }
    files = {"description": "A pattern of paths; the files are read in the order of their names.", **TEXT}
    query = {"description": "One SELECT, for a SQLite database.", **TEXT}
    table = {"description": "The name of a table in Workspace(tables=…).", **TEXT}
    return {
        "description": "One resource for each row; any text may contain {column}s.",
        "anyOf": [
            build_closed_object({"file": file}),
            build_closed_object({"file": file, "query": query}),
            build_closed_object({"files": files}),
            build_closed_object({"files": files, "query": query}),
            build_closed_object({"table": table}),
            {"type": "array", "items": row},
        ],
    }


def _match_any_case(text: str) -> str:
    return "".join(f"[{letter}{letter.upper()}]" if letter.isalpha() else letter for letter in text)


def _build_workspace_schema(member_schemas: MemberSchemas) -> Schema:
    schema = _build_settings_schema(member_schemas)
    return {"description": "The owner of these resources, and the registry that they are in.", **schema}


def _build_variables_schema() -> Schema:
    scalar = {"type": ["string", "number", "boolean"]}
    declaration = {
        "type": "object",
        "properties": {
            "type": {"enum": list(VARIABLE_TYPES)},
            "description": TEXT,
            "default": scalar,
        },
        "additionalProperties": False,
        "anyOf": [{"required": ["type"]}, {"required": ["default"]}],
    }
    return {
        "description": "The variables: for each a default, or a declaration. Their names are written {var.NAME}.",
        "type": "object",
        "propertyNames": {"pattern": f"^(?:{VARIABLE_NAME.pattern})$"},
        "additionalProperties": {"anyOf": [scalar, declaration]},
    }


def _build_environments_schema(member_schemas: MemberSchemas) -> Schema:
    settings = _build_settings_schema(member_schemas)
    own_properties = {
        "variables": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
        "after": {"type": "array", "items": TEXT},
        "default": {"type": "boolean"},
        FOR_EACH: {"$ref": "#/$defs/for_each"},
    }
    environment = {**settings, "properties": {**settings["properties"], **own_properties}}
    del environment["required"]
    return {
        "description": "The environments: for each its settings, which replace those of [workspace], and variables.",
        "type": "object",
        "additionalProperties": environment,
    }


def _allow_variables(schema: Any) -> Any:
    """Return a schema, changed to accept a variable in place of a number or a boolean."""
    if isinstance(schema, list):
        return [_allow_variables(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") in ("boolean", "integer", "number"):  # (a property may be named `type`)
        annotations = {key: schema[key] for key in _ANNOTATIONS if key in schema}
        value_schema = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
        return {**annotations, "anyOf": [value_schema, _VARIABLE]}
    return {key: _allow_variables(value) for key, value in schema.items()}


def _build_settings_schema(member_schemas: MemberSchemas) -> Schema:
    """Return the schema of `[workspace]`; the settings of environments are the same."""
    schema = build_object_schema(Settings, TEXT)
    properties = schema["properties"]
    properties["name"] |= _build_workspace_name_constraints(member_schemas)
    properties["target"]["anyOf"] = [{"enum": list(NAMED_TARGETS)}, {"pattern": _URL}]
    for name, pattern in TEXT_PATTERNS.items():
        properties[name]["pattern"] = f"^(?:{pattern.pattern})$"
    properties["quotas"]["additionalProperties"]["additionalProperties"]["exclusiveMinimum"] = 0
    workspace_limits = properties["limits"]["properties"]
    kind_limits_schema = workspace_limits.pop("kinds")["additionalProperties"]
    for limit_schemas in (workspace_limits, kind_limits_schema["properties"]):
        for name, limit_schema in limit_schemas.items():
            limit_schema |= {"minimum": 0}
            if name.endswith("percent"):
                limit_schema |= {"minimum": PERCENT_RANGE.start, "maximum": PERCENT_RANGE.stop - 1}
    # In the file, the kinds' tables are next to the limits of the whole workspace.
    workspace_limits |= dict.fromkeys(list_limited_kinds(), kind_limits_schema)
    for name in ("name", "target", "profile", "external_id", "prune", *TEXT_PATTERNS):
        properties[name] = allow_brace(properties[name])
    with_variables: Schema = _allow_variables(schema)
    return with_variables


def _build_moved_or_removed_schema(keys: Sequence[str]) -> Schema:
    """Return the schema of `[[moved]]` or `[[removed]]`."""
    tables = dict.fromkeys(table.partition(".")[0] for table in all_kinds())
    address = {"type": "string", "pattern": rf"^({'|'.join(tables)})\..+$"}
    properties = {key: {"const": False} if key == "destroy" else address for key in keys}
    return {"type": "array", "items": build_closed_object(properties)}


def _build_workspace_name_constraints(member_schemas: MemberSchemas) -> Schema:
    """Return the constraints of the workspace's name, which is a part of the ownership markers' names."""
    patterns: list[Schema] = []
    schema: Schema = {"minLength": 1, "allOf": patterns}
    kinds = all_kinds()
    for address in sorted(list_reserved_addresses("")):
        kind = kinds[address.kind]
        constraints = member_schemas(kind.service, kind.name_api) if kind.name_api else {}
        if "pattern" in constraints and {"pattern": constraints["pattern"]} not in patterns:
            patterns.append({"pattern": constraints["pattern"]})
        if "maxLength" in constraints:
            # With an empty workspace name, the marker's name is only what surrounds the workspace's name.
            max_length = constraints["maxLength"] - len(address.name)
            schema["maxLength"] = min(max_length, schema.get("maxLength", max_length))
    return schema


def _build_kind_schema(kind: Kind, member_schemas: MemberSchemas) -> Schema:
    """Return the schema of all tables of a kind by name, such as `[things]`."""
    constraints = member_schemas(kind.service, kind.name_api) if kind.name_api else {}
    names = {"minLength": 1, "maxLength": MAX_NAME_LENGTH, **constraints}
    return {
        "type": "object",
        "description": f"The tables [{kind.table}.NAME]; each declares a {kind.noun}.",
        "propertyNames": {"anyOf": [names, {"pattern": TEXT_WITH_BRACE["pattern"]}]},
        "additionalProperties": {"$ref": f"#/$defs/{kind.table}"},
    }


def _build_account_schema() -> Schema:
    """Return the schema of the tables of account settings, such as `[account.indexing]`."""
    sections = {kind.only_name: kind for kind in all_kinds().values() if kind.only_name}
    return {
        "type": "object",
        "description": "The settings of the account in its Region.",
        "properties": {name: {"$ref": f"#/$defs/{kind.table}"} for name, kind in sorted(sections.items())},
        "additionalProperties": False,
    }


def _build_table_schema(kind: Kind, member_schemas: MemberSchemas) -> Schema:
    """Return the schema of one table of a kind, such as `[things.pump-1]`."""
    schema = build_object_schema(kind.spec_class, TEXT_OR_FILE)
    for name, member in kind.members.items():
        constraints = member_schemas(kind.service, member.api) if member.api else {}
        field_schema = add_constraints(schema["properties"][name], constraints, member)
        schema["properties"][name] = {"description": member.doc, **field_schema}
    common_keys = build_object_schema(CommonKeys, TEXT)["properties"]
    common_keys["lifecycle"]["properties"]["allow"] = {
        "type": "object",
        "description": "Warnings to silence: the code of each, and why it is allowed.",
        "propertyNames": {"enum": list(SILENCEABLE_CODES)},
        "additionalProperties": {"type": "string", "pattern": r"\S"},
    }
    common_keys[MOVED] = build_closed_object(
        {key: {"type": "string", "pattern": rf"^$|^{kind.table}\.|[{{}}]"} for key in INLINE_MOVED_KEYS}
    )
    schema["properties"] |= common_keys
    if not kind.only_name:
        schema["properties"][FOR_EACH] = {"$ref": "#/$defs/for_each"}
    return schema
