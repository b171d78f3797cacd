"""Load the desired state from TOML files, or report every diagnostic at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import evolve

from reconciler.engine.load.declaration import Declaration, TomlTable
from reconciler.engine.load.declarations import WORKSPACE, Declarations, collect_declarations
from reconciler.engine.load.diagnostics import DiagnosticCollector
from reconciler.engine.load.evaluation import evaluate, register_secrets
from reconciler.engine.load.for_each import ForEachTable, Instance
from reconciler.engine.load.input_files import LoadContext
from reconciler.engine.load.moved_removed import resolve_moved_removed
from reconciler.engine.load.resources import DeclarationParser, ParsedDeclaration, ParsedForEachTable
from reconciler.engine.load.toml_file import TomlFile, build_unreadable_diagnostic, read_toml_file
from reconciler.engine.load.validation import check_declarations
from reconciler.engine.load.workspace_table import parse_settings
from reconciler.kinds import all_kinds
from reconciler.model.address import Address
from reconciler.model.constraints import Constraints
from reconciler.model.diagnostic import Diagnostic, ValueProblem
from reconciler.model.errors import InvalidDesiredStateError
from reconciler.model.settings import DesiredState, Settings
from reconciler.model.text import quote_if_unsafe


def load(path: Path, *, constraints: Constraints, environ: Mapping[str, str]) -> DesiredState:
    """Read a file, or a folder of `*.toml` files as one desired state.

    Raises InvalidDesiredStateError with all errors and warnings if there is an error; otherwise, the result has the warnings.
    """
    files, file_diagnostics = _read_files(path)
    contexts = {file: LoadContext(file.path.parent, environ) for file in files}
    diagnostics = DiagnosticCollector(file_diagnostics)
    declarations = collect_declarations(contexts, constraints, diagnostics)
    settings = _parse_settings(declarations.workspaces, constraints, diagnostics)
    parsed_declarations = _evaluate(_parse_declarations(declarations, contexts, diagnostics))
    moved_removed = resolve_moved_removed(
        declarations.moved_removed_tables,
        parsed_declarations,
        declarations.resources,
        settings.name,
        diagnostics,
    )
    check_declarations(
        parsed_declarations, declarations.partly_read_kinds, settings.name, constraints, diagnostics
    )
    all_diagnostics = diagnostics.to_diagnostics()
    if any(diagnostic.severity == "error" for diagnostic in all_diagnostics):
        raise InvalidDesiredStateError(all_diagnostics, path)
    resources = (
        parsed_declarations[address].resource for address in sorted(parsed_declarations, key=_sort_key)
    )
    return DesiredState(
        settings=settings,
        resources={resource.address: resource for resource in resources if resource},
        warnings=all_diagnostics,
        digest=_compute_digest(contexts),
        removed=moved_removed.removed,
        moved=moved_removed.moved,
    )


def _sort_key(address: Address) -> tuple[str, str]:
    return address.kind, address.name  # compares faster than addresses do


def _read_files(path: Path) -> tuple[list[TomlFile], list[Diagnostic]]:
    try:
        paths = _find_files(path)
    except OSError as error:
        return [], [
            build_unreadable_diagnostic(
                _build_display_name(path), 1, f"cannot read the folder: {error.strerror}"
            )
        ]
    if not paths:
        return [], [
            build_unreadable_diagnostic(_build_display_name(path), 1, "the folder contains no *.toml file")
        ]
    results = [read_toml_file(file_path, _build_display_name(file_path)) for file_path in paths]
    files = [result for result in results if isinstance(result, TomlFile)]
    diagnostics = [result for result in results if isinstance(result, Diagnostic)]
    if not diagnostics and not any(WORKSPACE in file.data for file in files):
        expected = "a [workspace] with a name"
        problem = "the [workspace] table is missing"
        diagnostics.append(
            Diagnostic(_build_display_name(path), 1, problem, expected=expected, code="missing-key")
        )
    return files, diagnostics


def _find_files(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        return [path]
    return sorted(child for child in path.glob("*.toml") if not child.name.startswith("."))


def _build_display_name(path: Path) -> str:
    return quote_if_unsafe(path.name or str(path))


def _parse_settings(
    tables: Sequence[TomlTable], constraints: Constraints, diagnostics: DiagnosticCollector
) -> Settings:
    if not tables:
        return Settings("")  # a diagnostic already explains why the table is missing
    first_table, *other_tables = tables
    services = {kind.service for kind in all_kinds().values()}
    settings, problems = parse_settings(first_table.entries, constraints, services)
    diagnostics.add(first_table, *problems)
    for table in other_tables:
        problem = f"already declared at {first_table.origin}"
        diagnostics.add(
            table, ValueProblem("duplicate-declaration", problem, "one [workspace] for all files")
        )
    return settings


def _parse_declarations(
    declarations: Declarations, contexts: Mapping[TomlFile, LoadContext], diagnostics: DiagnosticCollector
) -> Mapping[Address, ParsedDeclaration]:
    parsers = {file: DeclarationParser(context) for file, context in contexts.items()}
    parsed_tables: dict[ForEachTable, ParsedForEachTable] = {}
    for for_each in declarations.for_each_tables:
        parsed_tables[for_each] = parsers[for_each.table.file].parse_for_each(for_each)
        diagnostics.add(for_each.table, *parsed_tables[for_each].problems)

    def parse(declaration: Declaration) -> ParsedDeclaration:
        if isinstance(declaration, Instance):
            return parsed_tables[declaration.for_each].parse_instance(declaration)
        return parsers[declaration.table.file].parse_table(declaration.table)

    return {address: parse(declaration) for address, declaration in declarations.resources.items()}


def _evaluate(
    parsed_declarations: Mapping[Address, ParsedDeclaration],
) -> Mapping[Address, ParsedDeclaration]:
    """Evaluate the resources of all declarations, and register the resulting secrets."""
    evaluated = evaluate(
        {
            address: declaration.resource
            for address, declaration in parsed_declarations.items()
            if declaration.resource
        }
    )
    register_secrets(evaluated)
    return {
        address: evolve(declaration, resource=evaluated[address]) if address in evaluated else declaration
        for address, declaration in parsed_declarations.items()
    }


def _compute_digest(contexts: Mapping[TomlFile, LoadContext]) -> str:
    """Return the SHA-256 over the TOML files and the files that they refer to, except files with secrets."""
    sha256 = hashlib.sha256()
    for file, context in contexts.items():
        toml_file_entry = (file.path.name, hashlib.sha256(file.raw).hexdigest())
        for name, digest in (toml_file_entry, *sorted(context.digests.items())):
            sha256.update(f"{name}\0{digest}\n".encode())
    return sha256.hexdigest()
