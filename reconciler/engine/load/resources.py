"""Parse a declaration into its resource or, if it has problems, into its valid fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from types import MappingProxyType
from typing import Any

import attrs
import msgspec
from msgspec.structs import replace

from reconciler.engine.load.converters import build_hooks
from reconciler.engine.load.declaration import Declaration, TomlTable
from reconciler.engine.load.document_placeholders import RowDocuments, fill_documents
from reconciler.engine.load.for_each import FOR_EACH, ForEachTable, Instance
from reconciler.engine.load.input_files import LoadContext
from reconciler.engine.load.placeholders import Placeholders
from reconciler.engine.load.table_shape import (
    TableShape,
    check_keys,
    derive_plain_shape,
    derive_shape,
    parse_values,
)
from reconciler.engine.load.unparsed_references import find_unparsed_references
from reconciler.frozen_classes import field, frozen
from reconciler.kinds import get_kind
from reconciler.kinds.base.field_aliases import find_field_for_alias
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.references import (
    FieldReference,
    iterate_value_references,
    list_reference_members,
)
from reconciler.kinds.base.schema import Member, list_value_types
from reconciler.model.address import Address
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.document import Document
from reconciler.model.interning import Interner
from reconciler.model.resource import Lifecycle, Resource


@frozen
class CommonKeys:
    """The keys that the table of every kind may have in addition to the kind's fields."""

    depends_on: tuple[str, ...] = ()
    lifecycle: Lifecycle = Lifecycle()
    moved: Mapping[str, str] | None = None
    environments: tuple[str, ...] = ()


COMMON_KEYS = tuple(field.name for field in attrs.fields(CommonKeys))
_COMMON_KEY_SET = frozenset(COMMON_KEYS)
_NO_COMMON_KEYS = CommonKeys()
_NO_FIELDS: Mapping[str, Any] = MappingProxyType({})


class ParsedDeclaration(msgspec.Struct, frozen=True, eq=False):
    """A declaration with its resource, or with its valid fields and its problems.

    `valid_fields` is empty if there is a resource, because its spec has all fields; `unparsed_references` are those in the other fields.
    The `problems` of an instance of a table with `for_each`, which is in `for_each` then, are only those of the fields that depend on its
    row.
    """

    declaration: Declaration
    kind: Kind
    valid_fields: Mapping[str, Any]
    common_keys: CommonKeys
    dependencies: frozenset[Address]
    resource: Resource | None
    problems: tuple[ValueProblem, ...] = ()
    unparsed_references: tuple[FieldReference, ...] = ()
    for_each: ParsedForEachTable | None = None

    def get_value(self, field: str) -> Any:
        """Return the value of a field, or None if it is not set or not valid."""
        return (
            self.valid_fields.get(field)
            if self.resource is None
            else getattr(self.resource.spec, field, None)
        )

    @property
    def values(self) -> Mapping[str, Any]:
        """The valid fields; they include defaults only if the whole declaration is valid."""
        return {name: value for name in self.kind.members if (value := self.get_value(name)) is not None}

    @property
    def references(self) -> Iterator[FieldReference]:
        """The references in its fields, valid or not."""
        yield from _find_references(self.values, list_reference_members(self.kind.spec_class))
        yield from self.unparsed_references


class DeclarationParser:
    """Parses the declarations of one file.

    `context` reads the files and secrets that they refer to; `placeholders` has the values of the names in JSON documents. `declared` are
    the declarations of all files.
    """

    def __init__(
        self, context: LoadContext, placeholders: Placeholders, declared: Mapping[Address, Declaration]
    ) -> None:
        self._placeholders = placeholders
        self._dependencies = DependencyFinder(declared)
        self._hooks = build_hooks(context)
        self._common_shape = derive_plain_shape(CommonKeys)
        self._shapes: dict[str, TableShape] = {}

    def parse_table(self, table: TomlTable) -> ParsedDeclaration:
        """Parse a table without `for_each`."""
        kind, shape = self._find_kind_and_shape(table)
        entries = {key: value for key, value in table.entries.items() if key not in table.invalid_keys}
        values, problems = parse_values(entries, shape)
        problems += fill_documents(values, self._placeholders)
        problems += _check_table_keys(table, kind, shape)
        unparsed = {key: entries[key] for key in entries.keys() - values.keys()}
        is_valid = not problems and not table.invalid_keys
        dependencies = self._dependencies.find(values, list_reference_members(kind.spec_class))
        parsed = _build_parsed_declaration(table, kind, values, dependencies, problems, is_valid=is_valid)
        if not unparsed:
            return parsed
        references = find_unparsed_references(kind.spec_class, unparsed)
        return replace(parsed, unparsed_references=tuple(references))

    def parse_for_each(self, for_each: ForEachTable) -> ParsedForEachTable:
        """Parse the values that all instances of a table with `for_each` share."""
        kind, shape = self._find_kind_and_shape(for_each.table)
        values, problems = parse_values(for_each.constants, shape)
        row_documents = RowDocuments(for_each.manifest.columns, self._placeholders)
        problems += row_documents.fill_shared(values)
        problems += _check_table_keys(for_each.table, kind, shape)
        is_valid = not (for_each.problems or any(problem.severity == "error" for problem in problems))
        row_keys = for_each.interpolations.keys() | row_documents.fields
        return ParsedForEachTable(
            kind, shape, values, row_documents, tuple(problems), self._dependencies, row_keys, is_valid
        )

    def _find_kind_and_shape(self, table: TomlTable) -> tuple[Kind, TableShape]:
        kind = get_kind(table.address.kind)
        if kind.table not in self._shapes:
            self._shapes[kind.table] = derive_shape(kind.spec_class, self._hooks) | self._common_shape
        return kind, self._shapes[kind.table]


def _check_table_keys(table: TomlTable, kind: Kind, shape: TableShape) -> Iterator[ValueProblem]:
    """Yield the problems of a table's unknown and missing keys."""

    def describe_key(key: str) -> str | None:
        # A dot in the header of a table separates keys: [things.pump.1] is the key "1" in [things.pump].
        is_table = isinstance(table.entries[key], dict)
        if not is_table or kind.only_name:
            return None
        return f'[{kind.table}."{table.names[1]}.{key}"], if the name has a dot'

    yield from check_keys(
        table.entries, shape, (FOR_EACH,), partial(find_field_for_alias, kind), describe_key
    )


@frozen(eq=False)
class ParsedForEachTable:
    """The values that all instances of a table with `for_each` share, and their problems.

    `row_documents` has the documents from files, which may depend on the row. `row_keys` are the keys whose values depend on it. `is_valid`
    is false if the table has an error: then no instance becomes a resource.
    """

    kind: Kind
    shape: TableShape
    values: Mapping[str, Any]
    row_documents: RowDocuments
    problems: tuple[ValueProblem, ...]
    dependencies: DependencyFinder
    row_keys: AbstractSet[str]
    is_valid: bool
    row_fields: tuple[str, ...] = field(init=False)
    _row_references: tuple[Member, ...] = field(init=False)
    _has_row_dependencies: bool = field(init=False)
    _has_row_documents: bool = field(init=False)
    _shared_dependencies: frozenset[Address] = field(init=False)

    @row_fields.default
    def _list_row_fields(self) -> tuple[str, ...]:
        """Return the fields whose values depend on the row."""
        return tuple(name for name in self.kind.members if name in self.row_keys)

    @_row_references.default
    def _list_row_references(self) -> tuple[Member, ...]:
        members = list_reference_members(self.kind.spec_class)
        return tuple(member for member in members if member.name in self.row_keys)

    @_has_row_dependencies.default
    def _find_row_dependencies(self) -> bool:
        return bool(self._row_references) or "depends_on" in self.row_keys

    @_has_row_documents.default
    def _find_row_documents(self) -> bool:
        types = list_value_types(self.kind.spec_class)
        return any(Document in types[name] for name in self.row_fields)

    @_shared_dependencies.default
    def _find_shared_dependencies(self) -> frozenset[Address]:
        return self.dependencies.find(self.values, list_reference_members(self.kind.spec_class))

    def parse_instance(self, instance: Instance) -> ParsedDeclaration:
        """Parse one instance: only the fields that depend on its row."""
        row_values, problems = instance.fill_fields()
        values, value_problems = parse_values(row_values, self.shape)
        problems += value_problems
        if self._has_row_documents:
            problems += self.row_documents.fill_row(values, instance.row_values)
        dependencies = self._shared_dependencies
        if self._has_row_dependencies:
            dependencies = self.dependencies.find(values, self._row_references, dependencies)
        has_errors = problems and any(problem.severity == "error" for problem in problems)
        return _build_parsed_declaration(
            instance,
            self.kind,
            {**self.values, **values},
            dependencies,
            problems,
            is_valid=self.is_valid and not has_errors,
            for_each=self,
        )


def _build_parsed_declaration(  # noqa: PLR0913 (what was parsed)
    declaration: Declaration,
    kind: Kind,
    values: dict[str, Any],
    dependencies: frozenset[Address],
    problems: list[ValueProblem],
    *,
    is_valid: bool,
    for_each: ParsedForEachTable | None = None,
) -> ParsedDeclaration:
    """Return the parsed declaration, and remove the common keys from `values`."""
    common_keys = _NO_COMMON_KEYS
    if not _COMMON_KEY_SET.isdisjoint(values):
        common_keys = CommonKeys(**{name: values.pop(name) for name in COMMON_KEYS if name in values})
    resource = None
    if is_valid:
        spec = kind.spec_class(**values)
        resource = Resource(
            declaration.address, spec, dependencies, common_keys.lifecycle, declaration.origin
        )
    return ParsedDeclaration(
        declaration=declaration,
        kind=kind,
        valid_fields=_NO_FIELDS if is_valid else values,
        common_keys=common_keys,
        dependencies=dependencies,
        resource=resource,
        problems=tuple(problems),
        for_each=for_each,
    )


def _find_references(values: Mapping[str, Any], members: Iterable[Member]) -> Iterator[FieldReference]:
    for member in members:
        value = values.get(member.name)
        if value is not None:
            yield from iterate_value_references(value, member, (member.name,))


class DependencyFinder:
    """Finds the resources that a declaration refers to.

    To save memory, equal addresses and equal sets of them are one object: most resources of a large file depend on the same few others.
    """

    def __init__(self, declared: Mapping[Address, Declaration]) -> None:
        self._declared = declared
        self._intern = Interner()

    def find(
        self, values: Mapping[str, Any], members: Iterable[Member], shared: frozenset[Address] = frozenset()
    ) -> frozenset[Address]:
        """Return the addresses in the values of some fields and in `depends_on`, and those in `shared`."""
        addresses = [
            Address(reference.table, reference.value)
            for reference in _find_references(values, members)
            if isinstance(reference.value, str)
        ]
        for text in values.get("depends_on", ()):
            table, _, name = text.partition(".")
            if table and name:  # `check_declarations` reports texts that are not addresses
                addresses.append(Address.from_header(table, name))
        return self._intern(shared.union(map(self._find_declared, addresses))) if addresses else shared

    def _find_declared(self, address: Address) -> Address:
        declaration = self._declared.get(address)
        return declaration.address if declaration else address


def depend_on_settings(
    parsed_declarations: Mapping[Address, ParsedDeclaration],
) -> Mapping[Address, ParsedDeclaration]:
    """Return the declarations; resources whose kind needs account settings of the file depend on these."""
    tables = {address.kind for address in parsed_declarations}
    settings_tables = {table for table in tables if get_kind(table).only_name}
    settings = {address.kind: address for address in parsed_declarations if address.kind in settings_tables}
    if not settings:
        return parsed_declarations
    result = dict(parsed_declarations)
    for address, item in parsed_declarations.items():
        needed_tables = item.kind.needs_settings & settings.keys()
        result[address] = _add_dependencies(item, frozenset(settings[table] for table in needed_tables))
    return result


def add_implied_dependencies(
    parsed_declarations: Mapping[Address, ParsedDeclaration],
) -> Mapping[Address, ParsedDeclaration]:
    """Return the declarations; a resource also depends on those that its kind finds without a reference."""
    tables = {address.kind for address in parsed_declarations}
    implying_tables = {
        table for table in tables if get_kind(table).replaces_default("find_implied_dependencies")
    }
    if not implying_tables:
        return parsed_declarations
    desired = {address: item.resource for address, item in parsed_declarations.items() if item.resource}
    result = dict(parsed_declarations)
    for address, resource in desired.items():
        if address.kind in implying_tables:
            item = parsed_declarations[address]
            result[address] = _add_dependencies(
                item, frozenset(item.kind.find_implied_dependencies(resource, desired))
            )
    return result


def _add_dependencies(item: ParsedDeclaration, added: frozenset[Address]) -> ParsedDeclaration:
    dependencies = item.dependencies | added
    if dependencies == item.dependencies:
        return item
    resource = item.resource and replace(item.resource, own_dependencies=dependencies)
    return replace(item, dependencies=dependencies, resource=resource)
