"""Load the desired state from TOML files, or report every diagnostic at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType

from attrs import evolve
from msgspec.structs import replace

from reconciler.engine.load.declaration import Declaration
from reconciler.engine.load.declarations import Declarations, LoadScope, collect_declarations
from reconciler.engine.load.diagnostics import DiagnosticCollector
from reconciler.engine.load.environment_loader import EnvironmentLoader, LoadedSettings, LoadInputs
from reconciler.engine.load.environment_summaries import EnvironmentSummary, summarize_environments
from reconciler.engine.load.environments import (
    PredecessorFinder,
    group_identities,
    select_environment,
    select_environments,
)
from reconciler.engine.load.evaluation import evaluate, register_secrets
from reconciler.engine.load.for_each import ForEachTable, Instance
from reconciler.engine.load.garbage_collection import pause_garbage_collection
from reconciler.engine.load.input_files import CopiedFolder, LoadContext
from reconciler.engine.load.moved_removed import resolve_moved_removed
from reconciler.engine.load.placeholders import Placeholders
from reconciler.engine.load.resources import (
    DeclarationParser,
    ParsedDeclaration,
    ParsedForEachTable,
    add_implied_dependencies,
    depend_on_settings,
)
from reconciler.engine.load.toml_file import TomlFile
from reconciler.engine.load.validation import check_declarations
from reconciler.engine.load.variables import find_chosen_texts
from reconciler.engine.load.verification_cache import use_verification_cache
from reconciler.frozen_classes import frozen
from reconciler.model.address import Address
from reconciler.model.constraints import Constraints
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.environment import NO_CHOICE, EnvironmentChoice, format_value
from reconciler.model.errors import InvalidDesiredStateError, SelectionError
from reconciler.model.plan import Target
from reconciler.model.resource import Resource
from reconciler.model.s3_object import S3Object
from reconciler.model.secret import ReadSecrets
from reconciler.model.settings import DesiredState, Environment, Settings
from reconciler.model.target_identity import describe_same_workspace
from reconciler.model.warning_codes import UNUSED_VARIABLE


def load(  # noqa: PLR0913 (what one desired state depends on)
    path: Path,
    *,
    constraints: Constraints,
    environ: Mapping[str, str],
    choice: EnvironmentChoice = NO_CHOICE,
    find_target: Callable[[Settings], Target] | None = None,
    copied_folder: CopiedFolder | None = None,
    read_secrets: ReadSecrets = ReadSecrets(),  # noqa: B008 (a frozen value)
    tables: Mapping[str, object] = MappingProxyType({}),
    open_object: Callable[[Settings, str, int], AbstractContextManager[S3Object]] | None = None,
    verification_cache: Path | None = None,
) -> DesiredState:
    """Read a file, or a folder of `*.toml` files as one desired state, for one environment.

    `find_target` returns the target that `{aws.…}` describes, given the settings. It is called only if such a name is used; without
    it, the file may not use such names. `copied_folder` is the copy that the path is in, if it is in one. `read_secrets` is what was read
    from AWS of the secrets; others that AWS stores have no value in the result. `tables` are those of Python that `for_each` may name, and
    `open_object` opens an object in S3, given the settings. `verification_cache` is the file with what earlier loads verified of
    certificates.

    Raises InvalidDesiredStateError with all errors and warnings if there is an error; otherwise, the result has the warnings.
    Raises SelectionError if the choice of an environment or a variable is not valid.
    """
    inputs = LoadInputs(
        constraints, environ, choice, find_target, copied_folder, read_secrets, tables, open_object
    )
    loader, loaded = _load_selected(path, inputs)
    diagnostics = _collect_diagnostics(loader, loaded)
    summaries = summarize_environments(loader, environ)
    check_identities(loader, summaries, diagnostics)
    with pause_garbage_collection(), use_verification_cache(verification_cache):
        state = load_resources(loaded, summaries, constraints, diagnostics, path)
    return evolve(state, chosen_variables=find_chosen_texts(loaded.variables, choice, environ))


def load_settings(path: Path, inputs: LoadInputs) -> Environment:
    """Return the selected environment, without reading the resources, which may have errors.

    Raises InvalidDesiredStateError for errors in the settings, SelectionError as `load`.
    """
    loader, loaded = _load_selected(path, inputs)
    diagnostics = _collect_diagnostics(loader, loaded).to_diagnostics()
    if any(diagnostic.severity == "error" for diagnostic in diagnostics):
        raise InvalidDesiredStateError(diagnostics, path, loaded.resolved.name or "")
    return loaded.resolved.environment


def _load_selected(path: Path, inputs: LoadInputs) -> tuple[EnvironmentLoader, LoadedSettings]:
    """Return the loader, and the settings of the environment that the run selects."""
    loader = EnvironmentLoader(path, inputs)
    try:
        name = select_environment(loader.environments, inputs.choice, inputs.environ)
    except SelectionError:
        name_diagnostics = loader.list_name_diagnostics()
        if any(diagnostic.severity == "error" for diagnostic in name_diagnostics):
            raise InvalidDesiredStateError(name_diagnostics, path) from None
        raise
    return loader, loader.load(name)


def _collect_diagnostics(loader: EnvironmentLoader, loaded: LoadedSettings) -> DiagnosticCollector:
    """Return the problems of the settings of one environment."""
    diagnostics = DiagnosticCollector((*loader.diagnostics, *loaded.shared_diagnostics))
    for declaration, problem in loaded.own_problems:
        diagnostics.add(declaration, problem)
    return diagnostics


@frozen
class SelectedEnvironments:
    """Some environments, in the order of the file.

    `after` has, for every environment of the file, those that a rollout completes before it.
    """

    environments: tuple[Environment, ...]
    after: Mapping[str, tuple[str, ...]]


def load_environments(
    path: Path,
    *,
    patterns: Sequence[str] | None = None,
    constraints: Constraints,
    environ: Mapping[str, str],
    choice: EnvironmentChoice = NO_CHOICE,
) -> SelectedEnvironments:
    """Read the settings of the environments that names or globs match.

    Without `patterns`, these are all environments, or none if the file declares none.

    Raises InvalidDesiredStateError with the problems of these environments, and if any two of the file are the same workspace in the
    same account and Region; SelectionError if a name or glob matches no environment, or a chosen variable is not valid.
    """
    loader = EnvironmentLoader(path, LoadInputs(constraints, environ, choice))
    names = list(loader.environments) if patterns is None else select_names(loader, patterns, path)
    problems = dict.fromkeys(loader.list_name_diagnostics())
    environments = {name: loader.load(name) for name in names}
    if not environments:
        problems |= dict.fromkeys(loader.load(None).shared_diagnostics)
    diagnostics = DiagnosticCollector()
    for loaded in environments.values():
        problems |= dict.fromkeys(loaded.shared_diagnostics)
        for declaration, problem in loaded.own_problems:
            diagnostics.add(declaration, problem)
    check_identities(loader, summarize_environments(loader, environ), diagnostics)
    problems |= dict.fromkeys(diagnostics.to_diagnostics())
    if any(problem.severity == "error" for problem in problems):
        raise InvalidDesiredStateError(list(problems), path)
    finder = PredecessorFinder(loader.environments)
    return SelectedEnvironments(
        tuple(loaded.resolved.environment for loaded in environments.values()),
        {name: finder.find(environment.table) for name, environment in loader.environments.items()},
    )


def select_names(loader: EnvironmentLoader, patterns: Sequence[str], path: Path) -> list[str]:
    """Return the environments that names or globs match.

    Raises SelectionError; or InvalidDesiredStateError if errors in the file may be why the environments are not known.
    """
    name_diagnostics = loader.list_name_diagnostics()
    if not loader.are_names_known:
        raise InvalidDesiredStateError(name_diagnostics, path)
    try:
        return select_environments(loader.environments, patterns)
    except SelectionError:
        if any(diagnostic.severity == "error" for diagnostic in name_diagnostics):
            raise InvalidDesiredStateError(name_diagnostics, path) from None
        raise


def check_identities(
    loader: EnvironmentLoader,
    summaries: Mapping[str, EnvironmentSummary],
    diagnostics: DiagnosticCollector,
) -> None:
    """Report environments that are the same workspace in the same account and Region.

    Those with problems of their own are left out; their settings are not known.
    """
    identities = {name: summary.identity for name, summary in summaries.items() if summary.identity}
    for first, *others in group_identities(identities):
        for other in others:
            workspace, *_ = identities[other]
            problem = describe_same_workspace(first, workspace)
            expected = "another account, region or workspace name"
            declaration = loader.environments[other].declaration
            diagnostics.add(declaration, ValueProblem("duplicate-environment", problem, expected))


def load_resources(
    loaded: LoadedSettings,
    summaries: Mapping[str, EnvironmentSummary],
    constraints: Constraints,
    diagnostics: DiagnosticCollector,
    path: Path,
) -> DesiredState:
    """Read the resources of one environment; `summaries` are those of all of them."""
    resolved, contexts = loaded.resolved, loaded.contexts
    settings = resolved.environment.settings
    scope = LoadScope(resolved.name, tuple(summaries), resolved.placeholders, loaded.manifest_inputs)
    declarations = collect_declarations(contexts, scope, constraints, diagnostics)
    parsed_declarations = _evaluate(
        add_implied_dependencies(
            depend_on_settings(parse_declarations(declarations, contexts, resolved.placeholders, diagnostics))
        )
    )
    moved_removed = resolve_moved_removed(
        declarations.moved_removed_tables,
        parsed_declarations,
        declarations.resources,
        absent=declarations.absent,
        workspace=settings.name,
        diagnostics=diagnostics,
    )
    check_declarations(parsed_declarations, declarations, settings.name, constraints, diagnostics)
    all_diagnostics = diagnostics.to_diagnostics()
    if any(diagnostic.severity == "error" for diagnostic in all_diagnostics):
        raise InvalidDesiredStateError(all_diagnostics, path, resolved.name or "")
    if not declarations.absent:  # the resources of other environments may use the other variables
        _report_unused_variables(loaded, summaries.values(), diagnostics)
        all_diagnostics = diagnostics.to_diagnostics()
    resources = [item.resource for item in parsed_declarations.values() if item.resource]
    resources.sort(key=_sort_key)
    return DesiredState(
        settings=settings,
        resources={resource.address: resource for resource in resources},
        warnings=all_diagnostics,
        environment=resolved.environment if resolved.name is not None else None,
        digest=_compute_digest(loaded),
        files_digest=compute_files_digest(loaded.contexts),
        manifest_sources=tuple(declarations.manifests.sources),
        s3_urls=frozenset(declarations.manifests.object_urls),
        unread_urls=frozenset(declarations.manifests.unread_urls),
        removed=moved_removed.removed,
        moved=moved_removed.moved,
        key_secrets=frozenset().union(*(context.key_secrets for context in loaded.contexts.values())),
        stored_secrets=frozenset().union(*(context.stored_secrets for context in loaded.contexts.values())),
    )


def _report_unused_variables(
    loaded: LoadedSettings, summaries: Collection[EnvironmentSummary], diagnostics: DiagnosticCollector
) -> None:
    """Report the variables that neither the resources use nor the settings of any environment.

    If another environment includes other files, these may use them.
    """
    if any(summary.included_paths != loaded.files.included_paths for summary in summaries):
        return
    used_names = set(loaded.resolved.placeholders.used).union(*(summary.used_names for summary in summaries))
    for name, declaration in loaded.variables.items():
        if declaration and f"var.{name}" not in used_names:
            problem = f"the variable is not used; remove it, or write {{var.{name}}} where its value belongs"
            diagnostics.add(
                declaration.table,
                ValueProblem(UNUSED_VARIABLE, problem, path=(name,), severity="warning"),
            )


def _sort_key(resource: Resource) -> tuple[str, str]:
    return resource.address.kind, resource.address.name  # compares faster than addresses do


def parse_declarations(
    declarations: Declarations,
    contexts: Mapping[TomlFile, LoadContext],
    placeholders: Placeholders,
    diagnostics: DiagnosticCollector,
) -> Mapping[Address, ParsedDeclaration]:
    """Read the declared resources with the files that they refer to, and report their problems."""
    parsers = {
        file: DeclarationParser(context, placeholders, declarations.resources)
        for file, context in contexts.items()
    }
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
    desired = {
        address: declaration.resource
        for address, declaration in parsed_declarations.items()
        if declaration.resource
    }
    evaluated = evaluate(desired)
    register_secrets(evaluated)
    changed = {
        address: replace(parsed_declarations[address], resource=resource)
        for address, resource in evaluated.items()
        if resource.evaluation
    }
    return {**parsed_declarations, **changed}


def _compute_digest(loaded: LoadedSettings) -> str:
    """Return the SHA-256 over all inputs: files without secrets, manifests, and values of names in braces."""
    sha256 = _hash_files(loaded.contexts)
    for context in loaded.contexts.values():
        for name, digest in sorted(context.outside_digests.items()):
            sha256.update(f"{name}\0{digest}\n".encode())
    names = dict(loaded.resolved.placeholders.used)
    if loaded.resolved.name is not None:
        names["environment.name"] = loaded.resolved.name
    for name, value in sorted(names.items()):
        sha256.update(f"{{{name}}}\0{format_value(value)}\n".encode(errors="surrogatepass"))
    return sha256.hexdigest()


def compute_files_digest(contexts: Mapping[TomlFile, LoadContext]) -> str:
    """Return the SHA-256 over all files, except those with secrets."""
    return _hash_files(contexts).hexdigest()


def _hash_files(contexts: Mapping[TomlFile, LoadContext]) -> hashlib._Hash:
    sha256 = hashlib.sha256()
    for file, context in contexts.items():
        toml_file_entry = (file.path.name, hashlib.sha256(file.raw).hexdigest())
        digests = context.digests | context.query_digests
        entries = [f"{name}\0{digest}\n" for name, digest in (toml_file_entry, *sorted(digests.items()))]
        sha256.update("".join(entries).encode())
    return sha256
