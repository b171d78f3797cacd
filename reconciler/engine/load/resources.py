"""Parse a declaration into its resource or, if it has problems, into its valid fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import attrs
from attrs import evolve
from cattrs import Converter

from reconciler.engine.load.converters import build_converter
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
from reconciler.frozen_classes import frozen
from reconciler.kinds import all_kinds
from reconciler.kinds.base.field_aliases import find_field_for_alias
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.references import (
    FieldReference,
    iterate_value_references,
    list_reference_members,
)
from reconciler.model.address import Address
from reconciler.model.diagnostic import ValueProblem
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
_NO_COMMON_KEYS = CommonKeys()


@frozen(eq=False)
class ParsedDeclaration:
    """A declaration with its resource, or with its valid fields and its problems.

    `valid_fields` is empty if there is a resource, because its spec has all fields; `unparsed_references` are those in the other fields.
    The `problems` of an instance of a table with `for_each` are only those of the fields that depend on its row.
    """

    declaration: Declaration
    kind: Kind
    valid_fields: Mapping[str, Any]
    common_keys: CommonKeys
    dependencies: frozenset[Address]
    resource: Resource | None
    problems: tuple[ValueProblem, ...] = ()
    unparsed_references: tuple[FieldReference, ...] = ()

    @property
    def values(self) -> Mapping[str, Any]:
        """The valid fields; they include defaults only if the whole declaration is valid."""
        return (
            self.valid_fields if self.resource is None else _read_field_values(self.resource.spec, self.kind)
        )

    @property
    def references(self) -> Iterator[FieldReference]:
        """The references in its fields, valid or not."""
        yield from _find_references(self.values, self.kind)
        yield from self.unparsed_references


class DeclarationParser:
    """Parses the declarations of one file.

    `context` reads the files and secrets that they refer to; `placeholders` has the values of the names in JSON documents.
    """

    def __init__(self, context: LoadContext, placeholders: Placeholders) -> None:
        self._placeholders = placeholders
        self._converter: Converter = build_converter(context)
        self._common_shape = derive_plain_shape(CommonKeys)
        self._shapes: dict[str, TableShape] = {}
        self._interner = Interner()

    def parse_table(self, table: TomlTable) -> ParsedDeclaration:
        """Parse a table without `for_each`."""
        kind, shape = self._find_kind_and_shape(table)
        entries = {key: value for key, value in table.entries.items() if key not in table.invalid_keys}
        values, problems = parse_values(entries, shape)
        problems += fill_documents(values, self._placeholders)
        problems += _check_table_keys(table, kind, shape)
        unparsed = {key: entries[key] for key in entries.keys() - values.keys()}
        is_valid = not problems and not table.invalid_keys
        parsed = _build_parsed_declaration(table, kind, values, problems, self._interner, is_valid=is_valid)
        if not unparsed:
            return parsed
        references = find_unparsed_references(kind.spec_class, unparsed)
        return evolve(parsed, unparsed_references=tuple(references))

    def parse_for_each(self, for_each: ForEachTable) -> ParsedForEachTable:
        """Parse the values that all instances of a table with `for_each` share."""
        kind, shape = self._find_kind_and_shape(for_each.table)
        values, problems = parse_values(for_each.constants, shape)
        row_documents = RowDocuments(for_each.manifest.columns, self._placeholders)
        problems += row_documents.fill_shared(values)
        problems += _check_table_keys(for_each.table, kind, shape)
        is_valid = not (for_each.problems or any(problem.severity == "error" for problem in problems))
        return ParsedForEachTable(
            kind, shape, values, row_documents, tuple(problems), self._interner, is_valid
        )

    def _find_kind_and_shape(self, table: TomlTable) -> tuple[Kind, TableShape]:
        kind = all_kinds()[table.address.kind]
        if kind.table not in self._shapes:
            self._shapes[kind.table] = derive_shape(kind.spec_class, self._converter) | self._common_shape
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

    `row_documents` has the documents from files, which may depend on the row. `is_valid` is false if the table has an error: then no
    instance becomes a resource.
    """

    kind: Kind
    shape: TableShape
    values: Mapping[str, Any]
    row_documents: RowDocuments
    problems: tuple[ValueProblem, ...]
    interner: Interner
    is_valid: bool

    def parse_instance(self, instance: Instance) -> ParsedDeclaration:
        """Parse one instance: only the fields that depend on its row."""
        fields, fill_problems = instance.fill_fields()
        values, problems = parse_values(fields, self.shape)
        problems += fill_problems
        problems += self.row_documents.fill_row(values, instance.row_values)
        has_errors = problems and any(problem.severity == "error" for problem in problems)
        is_valid = self.is_valid and not has_errors
        return _build_parsed_declaration(
            instance, self.kind, {**self.values, **values}, problems, self.interner, is_valid=is_valid
        )


def _build_parsed_declaration(  # noqa: PLR0913 (what was parsed, and what all declarations share)
    declaration: Declaration,
    kind: Kind,
    values: dict[str, Any],
    problems: list[ValueProblem],
    intern: Interner,
    *,
    is_valid: bool,
) -> ParsedDeclaration:
    """Return the parsed declaration, and remove the common keys from `values`.

    `intern` makes equal addresses and sets of dependencies the same object, to save memory.
    """
    common_values = {name: values.pop(name) for name in COMMON_KEYS if name in values}
    common_keys = CommonKeys(**common_values) if common_values else _NO_COMMON_KEYS
    spec = kind.spec_class(**values) if is_valid else None
    fields = _read_field_values(spec, kind) if is_valid else values
    addresses = _find_dependencies(_find_references(fields, kind), common_keys)
    dependencies = intern(frozenset(map(intern, addresses)))
    resource = None
    if is_valid:
        address = intern(declaration.address)
        resource = Resource(address, spec, dependencies, common_keys.lifecycle, declaration.origin)
    return ParsedDeclaration(
        declaration=declaration,
        kind=kind,
        valid_fields={} if is_valid else values,
        common_keys=common_keys,
        dependencies=dependencies,
        resource=resource,
        problems=tuple(problems),
    )


def _read_field_values(spec: Any, kind: Kind) -> Mapping[str, Any]:
    return {name: getattr(spec, name) for name in kind.members}


def _find_references(values: Mapping[str, Any], kind: Kind) -> Iterator[FieldReference]:
    for member in list_reference_members(kind.spec_class):
        yield from iterate_value_references(values.get(member.name), member, (member.name,))


def _find_dependencies(references: Iterable[FieldReference], common_keys: CommonKeys) -> Iterator[Address]:
    for reference in references:
        if isinstance(reference.value, str):
            yield Address(reference.table, reference.value)
    for text in common_keys.depends_on:
        table, _, name = text.partition(".")
        if table and name:  # `check_declarations` reports texts that are not addresses
            yield Address.from_header(table, name)


def depend_on_settings(
    parsed_declarations: Mapping[Address, ParsedDeclaration],
) -> Mapping[Address, ParsedDeclaration]:
    """Return the declarations; resources whose kind needs account settings of the file depend on these."""
    settings = {address.kind: address for address, item in parsed_declarations.items() if item.kind.only_name}
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
    desired = {address: item.resource for address, item in parsed_declarations.items() if item.resource}
    result = dict(parsed_declarations)
    for address, resource in desired.items():
        item = parsed_declarations[address]
        implied = frozenset(item.kind.find_implied_dependencies(resource, desired))
        if implied:
            result[address] = _add_dependencies(item, implied)
    return result


def _add_dependencies(item: ParsedDeclaration, added: frozenset[Address]) -> ParsedDeclaration:
    dependencies = item.dependencies | added
    if dependencies == item.dependencies:
        return item
    resource = item.resource and evolve(item.resource, dependencies=dependencies)
    return evolve(item, dependencies=dependencies, resource=resource)
