"""Convert the attributes of a resource to the fields of its kind.

The names of attributes are those of AWS's API or of Terraform (`find_field_for_alias`), in any spelling: `thing_type_name` and
`ThingTypeName` are `thing_type`. Only fields are copied, so a private key in an attribute cannot reach the table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs
from attrs import define, field

from reconciler.convert.source import SourcePath, SourceResource, is_empty, is_placeholder, to_text
from reconciler.engine.export.tables import WritePem
from reconciler.engine.load.toml_types import accepts_document_or_name, select_toml_type, select_toml_types
from reconciler.frozen_classes import frozen
from reconciler.kinds.base.field_aliases import (
    find_field_for_alias,
    find_nested_field_for_alias,
    fold_name,
)
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.named_values import is_public
from reconciler.kinds.base.schema import Member, get_members, is_spec_class
from reconciler.model.address import Address
from reconciler.model.diagnostic import InvalidValueError
from reconciler.model.document import Document
from reconciler.model.pem import Pem
from reconciler.model.resource import Reference, extract_name_from_arn
from reconciler.model.secret import Secret
from reconciler.model.text import quote

NAMES_OF_PRIVATE_KEYS = frozenset({"privatekey", "keypair"})
"""The folded names of attributes that are never read."""

_PRIVATE_KEY = "PRIVATE KEY-----"
"""A part of every private key in PEM; a value with it is a secret in any attribute."""

_PUBLIC = frozenset({"tokensigningpublickeys"})
"""The folded names of attributes that Terraform hides, although they contain public keys."""

_BLOCKS = frozenset({"registrationconfig", "attributepayload"})
"""The folded names of blocks whose attributes are fields of their own, although the name of the block is one, too."""

_IGNORED = ("nothing", "the table's name", "region in", "attributes of things")
"""The beginnings of what `find_field_for_alias` returns for attributes that need no note."""

_FIELD_WITH_VALUE = re.compile(r'(\w+) = "')
"""The text that it returns for `active`, which is the field `status` with another type."""

_TRUE_WORDS = frozenset({"true", "enable", "enabled", "active", "on"})
_SCALARS: Mapping[str, type] = MappingProxyType({"string": str, "boolean": bool, "integer": int})


class UndeclarableError(ValueError):
    """A value that no table can declare; the message has names only, no values."""


@define
class Variables:
    """The variables and secrets in place of values that are not written: name → description or type."""

    descriptions: dict[str, str] = field(factory=dict)
    types: dict[str, str] = field(factory=dict)
    secrets: dict[str, str] = field(factory=dict)

    def add(self, text: str, description: str, value_type: str = "string") -> str:
        """Declare a variable with a name made from a text, and return the placeholder for it."""
        name = _make_name(text)
        self.descriptions.setdefault(name, description)
        self.types.setdefault(name, value_type)
        return f"{{var.{name}}}"

    def drop_unused(self, text: str) -> None:
        """Drop the variables whose placeholders a text does not have."""
        for name in [name for name in self.descriptions if f"{{var.{name}}}" not in text]:
            del self.descriptions[name], self.types[name]

    def add_secret(self, text: str, description: str) -> Mapping[str, str]:
        """Return a reference to an environment variable with a name made from a text."""
        name = _make_name(text).upper()
        self.secrets.setdefault(name, description)
        return {"env": name}


def _make_name(text: str) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")
    return name if name[:1].isalpha() else f"v_{name}"


@define
class References:
    """The names of the resources that get a table: (table, AWS's ID) → name."""

    names: dict[tuple[str, str], str] = field(factory=dict)

    def refer(self, table: str, identity: str) -> Any:
        """Return the value of a field that refers to a resource, given by its name, its ID or its ARN."""
        name = self.names.get((table, extract_name_from_arn(identity)))
        if name is not None:
            return name
        is_arn = identity.startswith("arn:") or (table == "certificates" and is_placeholder(identity))
        return {"arn": identity} if is_arn else {"id": identity}


@frozen
class ConversionContext:
    """The values that all resources of a conversion share."""

    references: References
    write_pem: WritePem
    variables: Variables


class FieldConverter:
    """A converter of one resource's attributes.

    `notes` collects what it leaves out, without values; `comments` are for the table.
    """

    def __init__(
        self, kind: Kind, source: SourceResource, address: Address, context: ConversionContext
    ) -> None:
        self._kind, self._source, self._address = kind, source, address
        self._references, self._write_pem = context.references, context.write_pem
        self._variables = context.variables
        self._types = get_type_hints(kind.spec_class)
        self._defaults = {item.name: item.default for item in attrs.fields(kind.spec_class)}
        self._fields: dict[str, Any] = {}
        self.notes: list[str] = []
        self.comments: list[str] = []

    def convert(self, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields in the order of their declaration; `overrides` has those whose values are known.

        Raises ValueError if a value cannot be converted.
        """
        skipped = {fold_name(name) for name in overrides}
        self._convert_block(self._source.attributes, (), skipped)
        self._fields |= {name: value for name, value in overrides.items() if not is_empty(value)}
        for name, member in self._kind.members.items():
            if member.required and get_origin(select_toml_type(self._types[name])) is tuple:
                self._fields.setdefault(name, [])  # a rule without actions
        return {name: self._fields[name] for name in self._kind.members if name in self._fields}

    def _convert_block(
        self, entries: Mapping[str, Any], path: SourcePath, skipped: set[str] | frozenset[str]
    ) -> None:
        for name, value in entries.items():
            folded_name = fold_name(name)
            if is_empty(value) or folded_name in skipped or folded_name in NAMES_OF_PRIVATE_KEYS:
                continue
            has_all_tags = folded_name == "tags" and "tags_all" in entries
            if not has_all_tags:
                self._convert_attribute(name, value, (*path, name))

    def _convert_attribute(self, name: str, value: Any, path: SourcePath) -> None:
        target = find_field_for_alias(self._kind, name) or self._find_longer_name(name)
        if target and target.startswith(_IGNORED):
            return
        if target and (match := _FIELD_WITH_VALUE.match(target)):
            target = match[1]
        if target is None and (items_field := self._find_items_field(name)):
            self._add_items(items_field, name, value, path)
            return
        block = _get_block(value)
        if block is not None and self._is_wrapper(name, target, block):
            inner_path = (*path, 0) if isinstance(value, list) else path
            self._convert_block(block, inner_path, frozenset())
        elif target is not None and target in self._kind.members:
            self._set_field(target, value, path)
        elif isinstance(value, Mapping | list) and value:
            raise UndeclarableError(f"no field has its {name}")
        elif target is None:
            self.notes.append(f"{name} has no field")
        else:
            self.notes.append(f"{name} is left out; set {target}")

    def _is_wrapper(self, name: str, target: str | None, block: Mapping[str, Any]) -> bool:
        """Return whether the entries of a block are attributes of the resource itself."""
        if target is None or target not in self._kind.members:
            return any(find_field_for_alias(self._kind, key) in self._kind.members for key in block)
        if select_toml_type(self._types[target]) in (str, bool, int, float, Reference):
            return True
        return fold_name(name) in _BLOCKS or any(fold_name(key) == fold_name(target) for key in block)

    def _find_longer_name(self, name: str) -> str | None:
        """Return the only field that ends with a name: `aws_iot_sql_version` for `sql_version`."""
        matches = [item for item in self._kind.members if item.endswith(f"_{name}")]
        return matches[0] if len(matches) == 1 else None

    def _find_items_field(self, name: str) -> str | None:
        """Return the field with a list of structures that have a field `name`, such as `actions` for `sqs`.

        Terraform has a block for each action of a topic rule, in place of a list.
        """
        for field_name, annotation in self._types.items():
            item_type = _get_item_class(annotation)
            if item_type and fold_name(name) in _index_by_name(item_type):
                return field_name
        return None

    def _add_items(self, field_name: str, name: str, value: Any, path: SourcePath) -> None:
        """Add a block, or several of one name, to a list of structures."""
        item_type = _get_item_class(self._types[field_name])
        assert item_type is not None
        blocks = value if isinstance(value, list) else [value]
        items = self._fields.setdefault(field_name, [])
        items += [
            self._convert_structure({name: block}, item_type, (*path[:-1], name, index))
            for index, block in enumerate(blocks)
        ]

    def _set_field(self, name: str, value: Any, path: SourcePath) -> None:
        member = self._kind.members[name]
        try:
            converted = self._convert_value(value, self._types[name], member, path)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            problem = (
                error.problems[0].problem if isinstance(error, InvalidValueError) else "unexpected value"
            )
            raise ValueError(f"its {_format_path(path)} cannot be declared: {problem}") from None
        if member.drops_empty_values and isinstance(converted, Mapping):
            converted = {key: item for key, item in converted.items() if item != ""}
        if not is_empty(converted) and converted != self._defaults[name]:
            self._fields[name] = converted

    def _convert_value(
        self,
        value: Any,
        annotation: Any,
        member: Member | None,
        path: SourcePath,
        name: str | None = None,
    ) -> Any:
        """Return the value of a field; `name` is the name of a text that is a secret under some names only."""
        toml_type = select_toml_type(annotation)
        origin = get_origin(toml_type) or toml_type
        if toml_type is Pem:
            return self._write_pem(self._address, Pem.parse(to_text(value)))
        takes_secret = toml_type is Secret or Secret in select_toml_types(annotation)
        if takes_secret and not (member and name and is_public(member, name, to_text(value))):
            return self._variables.add_secret(
                self._describe_path(path), f"{_format_path(path)} of {self._source.address}, a secret"
            )
        if isinstance(value, str | int | float) and self._is_secret(value, path):
            return self._hide(toml_type, path)
        if accepts_document_or_name(annotation) and not _is_document(value):
            return self._refer(member, to_text(value))
        if origin is Document or accepts_document_or_name(annotation):
            return _to_document(value)
        if toml_type == Reference:
            return self._refer(member, to_text(value))
        if origin is tuple:
            items = value if isinstance(value, list) else [value]
            item_type = get_args(toml_type)[0]
            return [
                self._convert_value(item, item_type, member, (*path, index))
                for index, item in enumerate(items)
            ]
        if origin is Mapping:
            return self._convert_map(value, get_args(toml_type)[1], member, path)
        if attrs.has(origin):
            return self._convert_structure(value, origin, path)
        return _to_scalar(value, toml_type)

    def _refer(self, member: Member | None, name: str) -> Any:
        """Return the value of a field that refers to a resource; names of what AWS itself provides stay."""
        if member is None or member.is_builtin(name):
            return name
        return self._references.refer(member.references or "", name)

    def _convert_map(
        self, value: Any, item_type: Any, member: Member | None, path: SourcePath
    ) -> dict[str, Any]:
        entries = value
        if isinstance(value, list):  # CloudFormation's tags
            entries = {to_text(item["Key"]): item["Value"] for item in value}
        return {
            key: self._convert_value(item, item_type, member, (*path, key), key)
            for key, item in entries.items()
            if item is not None
        }

    def _convert_structure(self, value: Any, spec_class: type, path: SourcePath) -> dict[str, Any]:
        block = _get_block(value)
        if block is None:
            raise ValueError(f"{path[-1]} is not a block")
        block_path = (*path, 0) if isinstance(value, list) else path
        types = get_type_hints(spec_class)
        attributes = _index_by_name(spec_class)
        texts = {fold_name(name): item for name, item in block.items() if isinstance(item, str)}
        fields = {}
        for name, item in block.items():
            if is_empty(item):
                continue
            # Where AWS has a list `headers`, Terraform has a block for each item: `header`, or `http_header` in `http`.
            short_name = fold_name(name).removeprefix(fold_name(str(path[-1])))
            other_name = fold_name(find_nested_field_for_alias(name) or name)
            names = (fold_name(name), f"{fold_name(name)}s", f"{short_name}s", other_name)
            attribute = next((attributes[item] for item in names if item in attributes), None)
            if attribute is None and isinstance(item, Mapping | list):
                raise UndeclarableError(f"no field has {name}")
            if attribute is None:
                self.notes.append(f"{path[-1]}.{name} has no field")
                continue
            member = get_members(spec_class)[attribute.name] if is_spec_class(spec_class) else None
            text_name = texts.get(member.named_by or "") if member else None
            converted = self._convert_value(
                item, types[attribute.name], member, (*block_path, name), text_name
            )
            if converted != attribute.default:
                fields[attribute.name] = converted
        return fields

    # ── secrets ───────────────────────────────────────────────────────────────────────────────────

    def _is_secret(self, value: Any, path: SourcePath) -> bool:
        is_public = fold_name(str(path[0])) in _PUBLIC
        return (self._source.is_sensitive(path) and not is_public) or _PRIVATE_KEY in str(value)

    def _hide(self, toml_type: Any, path: SourcePath) -> str:
        """Return a placeholder for a variable in place of a secret value."""
        value_type = next((name for name, scalar in _SCALARS.items() if toml_type is scalar), "string")
        description = f"{_format_path(path)} of {self._source.address}, which is sensitive there"
        placeholder = self._variables.add(self._describe_path(path), description, value_type)
        self.comments.append(f"{_format_path(path)}: sensitive, so it is not written; set the variable")
        return placeholder

    def _describe_path(self, path: SourcePath) -> str:
        return "_".join([self._address.kind, self._address.name, *(str(part) for part in path)])


def _format_path(path: SourcePath) -> str:
    return ".".join(map(str, path))


def _get_block(value: Any) -> Mapping[str, Any] | None:
    """Return a block's attributes: Terraform stores a block as a list of one object."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping):
        first: Mapping[str, Any] = value[0]
        return first
    return None


def _get_item_class(annotation: Any) -> type | None:
    """Return the class of the structures in a list, or None for other fields."""
    toml_type = select_toml_type(annotation)
    if get_origin(toml_type) is not tuple:
        return None
    item_type = get_args(toml_type)[0]
    return item_type if isinstance(item_type, type) and attrs.has(item_type) else None


def _index_by_name(spec_class: type) -> Mapping[str, attrs.Attribute[Any]]:
    """Return the fields of a structure by their folded names, and by those that AWS's API has."""
    members = get_members(spec_class) if is_spec_class(spec_class) else {}
    attributes: dict[str, attrs.Attribute[Any]] = {}
    for item in attrs.fields(spec_class):
        api = members[item.name].api if members else None
        attributes |= {fold_name(name): item for name in (item.name, (api or "").rpartition(".")[2]) if name}
    return attributes


def _is_document(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, str) and value.lstrip().startswith("{"))


def _to_document(value: Any) -> str:
    """Return a document's JSON text, as AWS stores it. Raises ValueError."""
    text = json.dumps(value) if isinstance(value, Mapping) else to_text(value)
    return Document.parse(text).text


def _to_scalar(value: Any, toml_type: Any) -> Any:
    """Return a scalar of the type of its field. Raises ValueError."""
    text = to_text(value)
    if get_origin(toml_type) is Literal:
        choices = {fold_name(choice): choice for choice in get_args(toml_type)}
        if isinstance(value, bool):
            words = ("ACTIVE", "ENABLED") if value else ("INACTIVE", "DISABLED")
            return next(word for word in words if word in get_args(toml_type))
        if fold_name(text) not in choices:
            raise ValueError(f"{quote(text)} cannot be declared")
        return choices[fold_name(text)]
    if text.startswith("{var."):
        return text
    if toml_type is bool:
        return value if isinstance(value, bool) else text.lower() in _TRUE_WORDS
    if toml_type is int:
        return int(text)
    return float(text) if toml_type is float else text
