"""Collect what the TOML files declare: the workspace, resources, moved and removed resources."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from reconciler.engine.load.declaration import Declaration, TomlTable
from reconciler.engine.load.diagnostics import DiagnosticCollector
from reconciler.engine.load.for_each import FOR_EACH, ForEachTable, parse_for_each
from reconciler.engine.load.input_files import LoadContext
from reconciler.engine.load.manifests import Manifest, ManifestReader
from reconciler.engine.load.moved_removed import MOVED_REMOVED_TABLES
from reconciler.engine.load.resources import COMMON_KEYS
from reconciler.engine.load.toml_file import TomlFile
from reconciler.kinds import all_kinds
from reconciler.model.address import Address
from reconciler.model.constraints import Constraints
from reconciler.model.diagnostic import InvalidValueError, Suggestion, ValueProblem
from reconciler.model.resource import ManifestRow
from reconciler.model.text import describe_value

WORKSPACE = "workspace"

MAX_NAME_LENGTH = 256
"""The maximum number of characters of a name, which is stored in a tag (AWS General Reference, tag naming limits)."""

# A small file can declare very many resources: a table with `for_each` has one instance for each row of its manifest.
_MAX_INSTANCES = 5_000_000
"""The maximum number of instances of all tables together."""

_MAX_TEXT_CHARACTERS = 2**28
"""The maximum number of characters, in all instances together, of the texts that use columns."""

_CONTROL_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories for control and format characters, surrogates, and line and paragraph separators."""

_COLUMN = re.compile(r"\{\w+\}")
"""A column of a manifest, in the name of a table without `for_each`."""


@frozen
class Declarations:
    """All declarations of the files.

    `resources` has each resource's first declaration. `moved_removed_tables` are the `[[moved]]` and `[[removed]]` tables.
    `partly_read_kinds` are the kinds that may have more resources than these, because a manifest or some of its rows could not be
    read, the name of a table with `for_each` is not valid, or there are too many rows.
    """

    workspaces: Sequence[TomlTable]
    for_each_tables: Sequence[ForEachTable]
    resources: Mapping[Address, Declaration]
    moved_removed_tables: Sequence[TomlTable]
    partly_read_kinds: frozenset[str]


def collect_declarations(
    contexts: Mapping[TomlFile, LoadContext], constraints: Constraints, diagnostics: DiagnosticCollector
) -> Declarations:
    """Return what the files declare; problems of tables, names and manifests go to `diagnostics`."""
    builder = _DeclarationsBuilder(constraints, diagnostics)
    for file, context in contexts.items():
        for table in _find_tables(file, diagnostics):
            builder.add_table(table, context)
    return Declarations(
        builder.workspaces,
        builder.for_each_tables,
        builder.resources,
        builder.moved_removed_tables,
        frozenset(builder.partly_read_kinds),
    )


class _DeclarationsBuilder:
    """Collects the declarations, table by table."""

    def __init__(self, constraints: Constraints, diagnostics: DiagnosticCollector) -> None:
        self._constraints = constraints
        self._diagnostics = diagnostics
        self._manifests = ManifestReader()
        self._reported_manifest_ids: set[int] = set()
        self._instances_left, self._characters_left = _MAX_INSTANCES, _MAX_TEXT_CHARACTERS
        self.workspaces: list[TomlTable] = []
        self.moved_removed_tables: list[TomlTable] = []
        self.for_each_tables: list[ForEachTable] = []
        self.resources: dict[Address, Declaration] = {}
        self.partly_read_kinds: set[str] = set()

    def add_table(self, table: TomlTable, context: LoadContext) -> None:
        """Add any table of a file: `[workspace]`, `[[moved]]`, `[[removed]]`, or the table of a resource."""
        if table.names == (WORKSPACE,):
            self.workspaces.append(table)
        elif table.names[0] in MOVED_REMOVED_TABLES:
            self.moved_removed_tables.append(table)
        elif FOR_EACH in table.entries:
            self._add_for_each(table, context)
        else:
            self._add_resource(table)

    def _add_resource(self, declaration: Declaration) -> None:
        address = declaration.address
        first_declaration = self.resources.setdefault(address, declaration)
        if first_declaration is not declaration:
            problem = f"already declared at {first_declaration.origin}; rename or remove one of the two"
            self._diagnostics.add(declaration, ValueProblem("duplicate-declaration", problem))
        else:
            self._diagnostics.add(declaration, *self._check_name(address))

    def _add_for_each(self, table: TomlTable, context: LoadContext) -> None:
        """Add a table with `for_each`, and the resource of each row of its manifest."""
        try:
            manifest = self._manifests.read(table.entries[FOR_EACH], context)
        except InvalidValueError as error:
            self._diagnostics.add(table, *error.nest_under(FOR_EACH).problems)
            manifest = Manifest(name="", columns=None, rows=())
            self.partly_read_kinds.add(table.names[0])
        self._report_manifest(table, manifest)
        for_each = parse_for_each(table, manifest)
        self._diagnostics.add(table, *for_each.problems)
        self.for_each_tables.append(for_each)
        is_within_limits = self._reserve_capacity(for_each)
        has_valid_name = for_each.name is not None
        if manifest.problems or not has_valid_name or not is_within_limits:
            self.partly_read_kinds.add(table.names[0])
        if is_within_limits:
            for instance in for_each.instances:
                self._add_resource(instance)

    def _report_manifest(self, table: TomlTable, manifest: Manifest) -> None:
        """Report the problems of a manifest at the first table that names it."""
        if id(manifest) in self._reported_manifest_ids:
            return
        self._reported_manifest_ids.add(id(manifest))
        for row, problem in manifest.problems:
            self._report_row_problem(table, row, problem)

    def _report_row_problem(self, table: TomlTable, row: ManifestRow, problem: ValueProblem) -> None:
        is_in_manifest_file = bool(row.manifest)  # otherwise, the manifest is an array in the table itself
        if is_in_manifest_file:
            self._diagnostics.add(table, problem, manifest_row=row)
        else:
            self._diagnostics.add(table, problem.nest_under(FOR_EACH, row.number))

    def _reserve_capacity(self, for_each: ForEachTable) -> bool:
        """Subtract a table's rows and text from what is left of the limits.

        Return whether enough was left, and report it if not.
        """
        self._instances_left -= len(for_each.manifest.rows)
        self._characters_left -= for_each.text_size
        if self._instances_left >= 0 and self._characters_left >= 0:
            return True
        expected = f"at most {_MAX_INSTANCES:,} resources and {_MAX_TEXT_CHARACTERS:,} characters of text"
        problem = "the rows of this table and of those before it declare too many resources or too much text"
        self._diagnostics.add(
            for_each.table, ValueProblem("too-many-rows", problem, expected, path=(FOR_EACH,))
        )
        return False

    def _check_name(self, address: Address) -> Iterator[ValueProblem]:
        kind, name = all_kinds()[address.kind], address.name
        if not name:
            yield ValueProblem("invalid-name", "the name is empty", "a name")
        elif len(name) > MAX_NAME_LENGTH:
            problem = f"the name has {len(name)} characters"
            yield ValueProblem("name-too-long", problem, f"at most {MAX_NAME_LENGTH}")
        elif _has_control_characters(name):
            problem = "the name contains control characters"
            yield ValueProblem("invalid-name", problem, "printable characters")
        elif kind.name_api:
            for violation in self._constraints.find_violations(kind.service, kind.name_api, name):
                problem = f"the name: {violation.problem}"
                if _COLUMN.search(name):
                    problem = f"{problem}, and only a table with for_each has {{columns}}"
                yield ValueProblem(f"name-{violation.code}", problem, violation.expected)


def _has_control_characters(name: str) -> bool:
    if name.isprintable():
        return False
    return any(unicodedata.category(character) in _CONTROL_CATEGORIES for character in name)


def _find_tables(file: TomlFile, diagnostics: DiagnosticCollector) -> Iterator[TomlTable]:
    """Yield every table that declares something; report unknown tables, and values that are not tables."""
    kinds = all_kinds()
    for name, entries in file.data.items():
        if name in MOVED_REMOVED_TABLES:
            yield from _iterate_array_of_tables(name, entries, file, diagnostics)
        elif name != WORKSPACE and name not in kinds:
            diagnostics.add(_build_empty_table((name,), file), _build_unknown_table_problem(name, entries))
        elif not isinstance(entries, dict):
            expected = f"a table [{name}]" if name == WORKSPACE else f"tables [{name}.NAME]"
            problem = f"got {describe_value(entries)}"
            diagnostics.add(_build_empty_table((name,), file), ValueProblem("wrong-type", problem, expected))
        elif name == WORKSPACE:
            yield TomlTable((name,), entries, file)
        else:
            yield from _iterate_tables_of_kind(name, entries, file, diagnostics)


def _build_empty_table(names: tuple[str, ...], file: TomlFile) -> TomlTable:
    """Return an empty table as the place of diagnostics about a key whose value is not a valid table."""
    return TomlTable(names, {}, file)


def _build_unknown_table_problem(name: str, value: object) -> ValueProblem:
    valid_names = [WORKSPACE, *sorted(all_kinds()), *MOVED_REMOVED_TABLES]
    suggestion = Suggestion(name, valid_names, replaces_expected=True)
    expected = f"one of {', '.join(valid_names)}"
    noun = "table" if isinstance(value, dict | list) else "key"
    return ValueProblem(f"unknown-{noun}", f"unknown {noun}", expected, suggestion)


def _iterate_tables_of_kind(
    kind: str, entries: Mapping[str, Any], file: TomlFile, diagnostics: DiagnosticCollector
) -> Iterator[TomlTable]:
    """Yield the tables of a kind, and report entries that are not tables of resources."""
    for name, entry in entries.items():
        place = _build_empty_table((kind, name), file)
        if _is_key_of_resource(kind, name, entry):
            problem = f"{name} is a key of one resource, not the name of one"
            expected = f"it in a table [{kind}.NAME], one for each {all_kinds()[kind].noun}"
            diagnostics.add(place, ValueProblem("misplaced-key", problem, expected))
        elif isinstance(entry, dict):
            yield TomlTable((kind, name), entry, file)
        else:
            problem = f"got {describe_value(entry)}"
            diagnostics.add(place, ValueProblem("wrong-type", problem, f"a table [{kind}.NAME]"))


def _is_key_of_resource(kind: str, name: str, entry: object) -> bool:
    """Return whether a key in the table of a kind, such as `[things]`, belongs into that of a resource.

    A resource can have the name of a key: then its table has valid keys.
    """
    valid_keys = {*all_kinds()[kind].members, *COMMON_KEYS, FOR_EACH}
    is_table_of_resource = isinstance(entry, dict) and (not entry or not valid_keys.isdisjoint(entry))
    return name in valid_keys and not is_table_of_resource


def _iterate_array_of_tables(
    name: str, entries: Any, file: TomlFile, diagnostics: DiagnosticCollector
) -> Iterator[TomlTable]:
    """Yield the tables of an array, or report that it is not an array of tables."""
    if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
        yield from (TomlTable((name, index), entry, file) for index, entry in enumerate(entries))
    else:
        is_list = isinstance(entries, list)
        problem = "not all items are tables" if is_list else f"got {describe_value(entries)}"
        diagnostics.add(
            _build_empty_table((name,), file), ValueProblem("wrong-type", problem, f"tables [[{name}]]")
        )
