"""Collect what the TOML files declare: the workspace, resources, moved and removed resources."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve, fields_dict

from reconciler.engine.load.declaration import Declaration, TomlTable
from reconciler.engine.load.diagnostics import DiagnosticCollector
from reconciler.engine.load.for_each import FOR_EACH, ForEachTable, parse_for_each
from reconciler.engine.load.input_files import LoadContext
from reconciler.engine.load.manifests.builder import Manifest
from reconciler.engine.load.manifests.reader import ManifestInputs, ManifestReader
from reconciler.engine.load.moved_removed import MOVED_REMOVED_TABLES
from reconciler.engine.load.placeholders import Placeholders, may_have_placeholders
from reconciler.engine.load.resource_environments import (
    ENVIRONMENTS_KEY,
    AbsentResources,
    check_environments_of_table,
    exists_in_environment,
)
from reconciler.engine.load.resource_names import NameChecker
from reconciler.engine.load.resources import COMMON_KEYS
from reconciler.engine.load.toml_file import TomlFile
from reconciler.frozen_classes import frozen
from reconciler.kinds import all_kinds, find_kind, get_kind
from reconciler.model.address import ACCOUNT, Address
from reconciler.model.constraints import Constraints
from reconciler.model.diagnostic import InvalidValueError, Suggestion, ValueProblem
from reconciler.model.resource import ManifestRow
from reconciler.model.settings import Settings
from reconciler.model.text import describe_value

WORKSPACE, VARIABLES, ENVIRONMENTS = "workspace", "variables", "environments"

SETTINGS_TABLES = (WORKSPACE, VARIABLES, ENVIRONMENTS)
"""The tables that declare no resource; they are read before the others."""

# A small file can declare very many resources: a table with `for_each` has one instance for each row of its manifest.
_MAX_INSTANCES = 5_000_000
"""The maximum number of instances of all tables together."""

_MAX_TEXT_CHARACTERS = 2**30
"""The maximum number of characters, in all instances together, of the texts that use columns."""


@frozen
class LoadScope:
    """The environment whose declarations are read, and the values of names in braces.

    - `environment`: the name of the selected environment; None in a file without environments;
    - `environments`: the names of all environments of the file;
    - `placeholders`: the values of the names in braces;
    - `manifest_inputs`: the manifests that are in no file.
    """

    environment: str | None
    environments: tuple[str, ...]
    placeholders: Placeholders
    manifest_inputs: ManifestInputs


@frozen
class Declarations:
    """All declarations of resources in the files.

    `resources` has each resource's first declaration. `moved_removed_tables` are the `[[moved]]` and `[[removed]]` tables.
    `partly_read_kinds` are the kinds that may have more resources than these, because a manifest or some of its rows could not be
    read, the name of a table with `for_each` is not valid, or there are too many rows. `absent` has those of other environments.
    `manifests` is the reader of the manifests.
    """

    for_each_tables: Sequence[ForEachTable]
    resources: Mapping[Address, Declaration]
    moved_removed_tables: Sequence[TomlTable]
    partly_read_kinds: frozenset[str]
    absent: AbsentResources
    manifests: ManifestReader


def collect_declarations(
    contexts: Mapping[TomlFile, LoadContext],
    scope: LoadScope,
    constraints: Constraints,
    diagnostics: DiagnosticCollector,
) -> Declarations:
    """Return what the files declare; problems of tables, names and manifests go to `diagnostics`."""
    builder = _DeclarationsBuilder(scope, constraints, diagnostics)
    for file, context in contexts.items():
        has_placeholders = may_have_placeholders(file.raw)
        for table in _find_tables(file, diagnostics):
            builder.add_table(table, context, has_placeholders=has_placeholders)
    return Declarations(
        builder.for_each_tables,
        builder.resources,
        builder.moved_removed_tables,
        frozenset(builder.partly_read_kinds),
        builder.absent,
        builder.manifests,
    )


class _DeclarationsBuilder:
    """Collects the declarations, table by table."""

    def __init__(self, scope: LoadScope, constraints: Constraints, diagnostics: DiagnosticCollector) -> None:
        self._scope = scope
        self._name_checker = NameChecker(constraints)
        self._diagnostics = diagnostics
        self.manifests = ManifestReader(scope.manifest_inputs)
        self._reported_manifest_ids: set[int] = set()
        self._instances_left, self._characters_left = _MAX_INSTANCES, _MAX_TEXT_CHARACTERS
        self.moved_removed_tables: list[TomlTable] = []
        self.for_each_tables: list[ForEachTable] = []
        self.resources: dict[Address, Declaration] = {}
        self.partly_read_kinds: set[str] = set()
        self.absent = AbsentResources(scope.environment)

    def add_table(self, table: TomlTable, context: LoadContext, *, has_placeholders: bool) -> None:
        """Add `[[moved]]`, `[[removed]]`, or the table of a resource.

        `has_placeholders` is whether the table may have names in braces.
        """
        is_moved_or_removed = table.names[0] in MOVED_REMOVED_TABLES
        if ENVIRONMENTS_KEY in table.entries and not is_moved_or_removed:
            self._diagnostics.add(table, *check_environments_of_table(table, self._scope.environments))
            if not exists_in_environment(table, self._scope.environment):
                self._add_absent(table, context)
                return
        if FOR_EACH in table.entries and not is_moved_or_removed:
            self._add_for_each(table, context)
            return
        if has_placeholders:
            filled_table = self._fill(table)
            if filled_table is None:
                self.partly_read_kinds.add(table.names[0])
                return
            table = filled_table
        if is_moved_or_removed:
            self.moved_removed_tables.append(table)
        else:
            self._add_resource(table)

    def _add_absent(self, table: TomlTable, context: LoadContext) -> None:
        """Add a table whose resources exist only in other environments; its other values are not read."""
        if FOR_EACH not in table.entries:
            names, _ = self._scope.placeholders.replace_in_value(list(table.names))
            self.absent.add(evolve(table, names=tuple(map(str, names)), header=table.names))
            return

        def list_addresses() -> Collection[Address]:
            source, _ = self._scope.placeholders.replace_in_value(table.entries[FOR_EACH])
            try:
                manifest = self.manifests.read(source, context)
            except InvalidValueError:  # reported in an environment that has the table
                return ()
            instances = parse_for_each(
                evolve(table, entries={}), manifest, self._scope.placeholders
            ).instances
            return [instance.address for instance in instances]

        self.absent.add_for_each(table, list_addresses)

    def _fill(self, table: TomlTable) -> TomlTable | None:
        """Return a table with the values of the names in braces; None if those in its header have problems.

        All problems are reported.
        """
        (names, entries), problems = self._scope.placeholders.replace_in_value(
            [list(table.names), dict(table.entries)]
        )
        invalid_keys = set()
        has_valid_header = True
        for problem in problems:
            part, *path = problem.path
            is_in_entries = part == 1
            self._diagnostics.add(table, evolve(problem, path=tuple(path) if is_in_entries else ()))
            if is_in_entries:
                invalid_keys.add(str(path[0]))
            else:
                has_valid_header = False
        if not has_valid_header:
            return None
        filled_names = tuple(str(name) if isinstance(name, str) else name for name in names)
        if filled_names == table.names and entries == table.entries and not invalid_keys:
            return table
        return TomlTable(filled_names, entries, table.file, table.names, frozenset(invalid_keys))

    def _add_resource(self, declaration: Declaration) -> None:
        address = declaration.address
        first_declaration = self.resources.setdefault(address, declaration)
        if first_declaration is not declaration:
            problem = f"already declared at {first_declaration.origin}; rename or remove one of the two"
            self._diagnostics.add(declaration, ValueProblem("duplicate-declaration", problem))
        elif problems := self._name_checker.check(address):
            self._diagnostics.add(declaration, *problems)

    def _add_for_each(self, table: TomlTable, context: LoadContext) -> None:
        """Add a table with `for_each`, and the resource of each row of its manifest."""
        source, problems = self._scope.placeholders.replace_in_value(table.entries[FOR_EACH])
        self._diagnostics.add(table, *(problem.nest_under(FOR_EACH) for problem in problems))
        try:
            manifest = self.manifests.read(source, context)
        except InvalidValueError as error:
            self._diagnostics.add(table, *error.nest_under(FOR_EACH).problems)
            manifest = Manifest(name="", columns=None, rows=())
            self.partly_read_kinds.add(table.names[0])
        self._report_manifest(table, manifest)
        for_each = parse_for_each(table, manifest, self._scope.placeholders)
        self._diagnostics.add(table, *for_each.problems, *for_each.warnings)
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


def report_unknown_tables(files: Iterable[TomlFile], diagnostics: DiagnosticCollector) -> None:
    """Report the tables and keys at the top of the files that have no valid name."""
    for file in files:
        for name in file.data.keys() - {*SETTINGS_TABLES, *MOVED_REMOVED_TABLES}:
            if find_kind(name) is None:
                table = _build_empty_table((name,), file)
                diagnostics.add(table, _build_unknown_table_problem(name, file.data[name]))


def _find_tables(file: TomlFile, diagnostics: DiagnosticCollector) -> Iterator[TomlTable]:
    """Yield the tables of resources, `[[moved]]` and `[[removed]]`; report other values."""
    for name, entries in file.data.items():
        if name in SETTINGS_TABLES:
            continue
        if name in MOVED_REMOVED_TABLES:
            yield from _iterate_array_of_tables(name, entries, file, diagnostics)
        elif name == ACCOUNT:
            yield from _iterate_account_settings(entries, file, diagnostics)
        elif find_kind(name) is None:
            diagnostics.add(_build_empty_table((name,), file), _build_unknown_table_problem(name, entries))
        elif not isinstance(entries, dict):
            problem, expected = f"got {describe_value(entries)}", f"tables [{name}.NAME]"
            diagnostics.add(_build_empty_table((name,), file), ValueProblem("wrong-type", problem, expected))
        else:
            yield from _iterate_tables_of_kind(name, entries, file, diagnostics)


def _build_empty_table(names: tuple[str, ...], file: TomlFile) -> TomlTable:
    """Return an empty table as the place of diagnostics about a key whose value is not a valid table."""
    return TomlTable(names, {}, file)


def _build_unknown_table_problem(name: str, value: object) -> ValueProblem:
    tables = {kind.table.partition(".")[0] for kind in all_kinds().values()}
    valid_names = [*SETTINGS_TABLES, *sorted(tables), *MOVED_REMOVED_TABLES]
    suggestion = Suggestion(name, valid_names, replaces_expected=True)
    expected = f"one of {', '.join(valid_names)}"
    is_table = isinstance(value, dict) or (
        isinstance(value, list) and all(isinstance(item, dict) for item in value)
    )
    noun = "table" if is_table else "key"
    if name in fields_dict(Settings):
        return ValueProblem(f"unknown-{noun}", f"unknown {noun}", f"it in [{WORKSPACE}] of the main file")
    return ValueProblem(f"unknown-{noun}", f"unknown {noun}", expected, suggestion)


def _iterate_tables_of_kind(
    kind: str, entries: Mapping[str, Any], file: TomlFile, diagnostics: DiagnosticCollector
) -> Iterator[TomlTable]:
    """Yield the tables of a kind, and report entries that are not tables of resources."""
    for name, entry in entries.items():
        place = _build_empty_table((kind, name), file)
        if _is_key_of_resource(kind, name, entry):
            problem = f"{name} is a key of one resource, not the name of one"
            expected = f"it in a table [{kind}.NAME], one for each {get_kind(kind).noun}"
            diagnostics.add(place, ValueProblem("misplaced-key", problem, expected))
        elif isinstance(entry, dict):
            yield TomlTable((kind, name), entry, file)
        else:
            problem = f"got {describe_value(entry)}"
            diagnostics.add(place, ValueProblem("wrong-type", problem, f"a table [{kind}.NAME]"))


def _iterate_account_settings(
    entries: Any, file: TomlFile, diagnostics: DiagnosticCollector
) -> Iterator[TomlTable]:
    """Yield the tables of account settings, and report other entries of `[account]`."""
    names = sorted(kind.only_name for kind in all_kinds().values() if kind.only_name)
    expected = f"a table {' or '.join(f'[{ACCOUNT}.{name}]' for name in names)}"
    if not isinstance(entries, dict):
        problem = f"got {describe_value(entries)}"
        diagnostics.add(_build_empty_table((ACCOUNT,), file), ValueProblem("wrong-type", problem, expected))
        return
    for name, entry in entries.items():
        place = _build_empty_table((ACCOUNT, name), file)
        if name not in names:
            suggestion = Suggestion(name, names, prefix=f"{ACCOUNT}.")
            diagnostics.add(
                place, ValueProblem("unknown-table", "unknown account settings", expected, suggestion)
            )
        elif not isinstance(entry, dict):
            problem = f"got {describe_value(entry)}"
            diagnostics.add(place, ValueProblem("wrong-type", problem, f"a table [{ACCOUNT}.{name}]"))
        elif FOR_EACH in entry:
            problem = "not valid here: an account has these settings once; remove it"
            diagnostics.add(place, ValueProblem("unknown-key", problem, path=(FOR_EACH,)))
        else:
            yield TomlTable((ACCOUNT, name), entry, file)


def _is_key_of_resource(kind: str, name: str, entry: object) -> bool:
    """Return whether a key in the table of a kind, such as `[things]`, belongs into that of a resource.

    A resource can have the name of a key: then its table has valid keys.
    """
    valid_keys = {*get_kind(kind).members, *COMMON_KEYS, FOR_EACH}
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
