"""Convert a resource to a table of the desired state.

A value that AWS does not return is left out, or becomes a reference to an environment variable. A comment names each secret, each
field of which only a hash is known, and each part that no file can declare. Changes of such fields are ignored.

Texts such as `{aws.region}` are escaped, so that loading the table inserts nothing in their place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin

import attrs

from reconciler.engine.load.placeholders import escape_placeholders
from reconciler.frozen_classes import frozen
from reconciler.kinds import all_kinds
from reconciler.kinds.base.schema import get_members, get_types
from reconciler.kinds.base.tags import TAG_PREFIX, is_aws_tag
from reconciler.kinds.shared.managed_setup_code import HashedText
from reconciler.model.address import Address
from reconciler.model.document import Document
from reconciler.model.pem import Pem
from reconciler.model.resource import NOT_COMPARED, External, Live, Resource
from reconciler.model.secret import Secret, SecretDigest
from reconciler.model.text import quote

WritePem: TypeAlias = Callable[[Address, Pem], Any]
"""Returns the TOML value for a certificate: its text, or `{ file = … }` after writing it to that file."""


_FACTORY: Any = attrs.Factory
"""The class of the defaults that are made for each object; for type checkers, attrs declares it as a function."""


@frozen
class Table:
    """A resource as a table of the desired state.

    `fields` are plain values, with inner tables as mappings; `comments` are written above the table.
    """

    address: Address
    fields: Mapping[str, Any]
    comments: tuple[str, ...] = ()


def explain_missing_value(spec: Any) -> str | None:
    """Return why no table can describe a resource, or None if one can.

    The reason is a value that the table must have, and that AWS does not return or a file cannot declare.
    """
    for name, member in get_members(type(spec)).items():
        value = getattr(spec, name)
        if (isinstance(value, Pem) and value.der is None) or (member.required and value is NOT_COMPARED):
            return f"AWS does not return its {name}"
        if member.required and (reason := _explain_undeclarable(type(spec), name, value)):
            return f"its {name} is {reason}"
    return None


def build_table(resource: Resource, live: Live, write_pem: WritePem) -> Table:
    """Return the table of a resource, which has the spec that a file would declare for the live resource."""
    address = resource.address
    converter = _FieldConverter(resource, all_kinds()[address.kind].find_undeclarable_parts(live), write_pem)
    fields = converter.convert_spec()
    converter.add_aws_tags(live.tags)
    lifecycle: dict[str, Any] = {"prevent_destroy": True} if resource.lifecycle.prevent_destroy else {}
    if converter.ignored_paths:
        lifecycle["ignore_changes"] = converter.ignored_paths
    if lifecycle:
        fields["lifecycle"] = lifecycle
    return Table(address, escape_placeholders(fields), tuple(converter.comments))


def _explain_undeclarable(spec_class: type, name: str, value: Any) -> str | None:
    """Return what a value of a field is if no file can declare it, else None."""
    if isinstance(value, Document) and not value.is_valid:
        return "not a JSON object that a file can declare"
    choices = _list_choices(spec_class).get(name)
    if choices and isinstance(value, str) and value not in choices:
        return f"{quote(value)}, which a file cannot declare"
    return None


@cache
def _list_choices(spec_class: type) -> Mapping[str, tuple[str, ...]]:
    """Return the values that each field of a few fixed ones can have."""
    choices = {}
    for attribute in attrs.fields(attrs.resolve_types(spec_class)):
        is_union = get_origin(attribute.type) in (Union, UnionType)
        for part in get_args(attribute.type) if is_union else (attribute.type,):
            if get_origin(part) is Literal:
                choices[attribute.name] = get_args(part)
    return choices


def _get_default(attribute: attrs.Attribute[Any]) -> Any:
    """Return the default of a field; a class or a function makes that of some."""
    default: Any = attribute.default
    return default.factory() if isinstance(default, _FACTORY) else default


def _takes_secrets(spec: Any, name: str) -> bool:
    """Return whether the values of a map may be references to secrets."""
    return Secret in get_args(get_args(get_types(type(spec))[name])[-1])


class _FieldConverter:
    """A converter of one resource's values to desired-state values.

    `parts` are the parts that no file can declare, with their descriptions. `comments` and `ignored_paths` collect what the
    table has to state about values that AWS does not return, or that no file can declare.
    """

    def __init__(self, resource: Resource, parts: Mapping[str, str], write_pem: WritePem) -> None:
        self._address, self._spec = resource.address, resource.spec
        self._write_pem = write_pem
        self._parts = parts
        self.comments: list[str] = []
        self.ignored_paths: list[str] = []

    def convert_spec(self) -> dict[str, Any]:
        """Return name → value of the set fields that differ from their defaults and can be declared."""
        spec_class = type(self._spec)
        attributes = []
        for attribute in attrs.fields(spec_class):
            name = attribute.name
            reason = _explain_undeclarable(spec_class, name, getattr(self._spec, name))
            if reason:
                self._ignore(name, f"it is {reason}; plans leave it alone")
            elif name in self._parts:
                self._ignore(name, f"{self._parts[name]}; plans leave it alone")
            else:
                attributes.append(attribute)
        other_parts = [name for name in self._parts if name not in attrs.fields_dict(spec_class)]
        self.comments += [f"{name}: {self._parts[name]}" for name in other_parts]
        return self.convert_fields(self._spec, attributes)

    def add_aws_tags(self, tags: Mapping[str, str]) -> None:
        """Add a comment about the tags of AWS's own services."""
        keys = sorted(key for key in tags if is_aws_tag(key))
        if keys:
            self.comments.append(f"tags: AWS's services set {', '.join(keys)}; plans leave it alone")

    def _ignore(self, path: str, reason: str) -> None:
        self.ignored_paths.append(path)
        self.comments.append(f"{path}: {reason}")

    def convert_fields(self, spec: Any, attributes: Iterable[Any], prefix: str = "") -> dict[str, Any]:
        """Return name → value of the spec's attrs attributes that are set and differ from their defaults.

        `prefix` is the path of a nested spec, with a dot at its end.
        """
        fields = {}
        for attribute in attributes:
            value = getattr(spec, attribute.name)
            if value in (None, NOT_COMPARED, (), {}) or value == _get_default(attribute):
                continue
            path = f"{prefix}{attribute.name}"
            if isinstance(value, HashedText):
                self._ignore(path, "AWS does not return it; its changes are ignored")
                continue
            if isinstance(value, Mapping):
                value = self._drop_undeclarable_keys(
                    value, path, takes_secrets=_takes_secrets(spec, attribute.name)
                )
            if value != {}:
                fields[attribute.name] = self._convert_value(value, path)
        return fields

    def _drop_undeclarable_keys(
        self, entries: Mapping[str, Any], path: str, *, takes_secrets: bool
    ) -> Mapping[str, Any]:
        """Return the entries that a file can declare; the others are left alone."""
        declarable = {}
        for key, value in entries.items():
            if key.startswith(TAG_PREFIX):
                self._ignore(f"{path}.{key}", f"the prefix {TAG_PREFIX} is reserved; plans leave it alone")
            elif isinstance(value, Secret) and not takes_secrets:
                self._ignore(f"{path}.{key}", "it is a secret of a template; plans leave it alone")
            else:
                declarable[key] = value
        return declarable

    def _convert_value(self, value: Any, path: str) -> Any:
        match value:
            case Pem():
                return self._write_pem(self._address, value)
            case External():
                return {"id": value.id}
            case Document():
                return value.text
            case Secret() | SecretDigest():
                return self._build_secret_reference(path)
            case Mapping():
                return {key: self._convert_value(item, f"{path}.{key}") for key, item in value.items()}
            case tuple():
                return [self._convert_value(item, f"{path}.{index}") for index, item in enumerate(value)]
            case _ if attrs.has(type(value)):
                return self.convert_fields(value, attrs.fields(type(value)), f"{path}.")
            case _:
                return value

    def _build_secret_reference(self, path: str) -> Mapping[str, str]:
        """Return a reference to an environment variable, and add a comment that asks the user to set it."""
        name = re.sub(r"[^A-Z0-9]+", "_", f"{self._address.name}_{path}".upper()).strip("_")
        variable = name if name[:1].isalpha() else f"SECRET_{name}"
        self.comments.append(
            f"{path}: a secret, which is not written; set it in the environment variable {variable}"
        )
        return {"env": variable}
