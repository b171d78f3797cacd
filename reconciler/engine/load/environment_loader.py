"""Read the settings, the variables and the included files of each environment of a desired state."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from functools import cache, partial
from pathlib import Path

from reconciler.engine.load.declaration import Declaration, TomlTable
from reconciler.engine.load.declarations import WORKSPACE, report_unknown_tables
from reconciler.engine.load.diagnostics import DiagnosticCollector
from reconciler.engine.load.environments import (
    DeclaredEnvironment,
    check_environment_tables,
    parse_environments,
)
from reconciler.engine.load.include import find_included_files, find_journal_problem
from reconciler.engine.load.input_files import CopiedFolder, LoadContext
from reconciler.engine.load.main_files import TomlFiles, read_files, read_main_files
from reconciler.engine.load.manifests.reader import ManifestInputs, ManifestReader
from reconciler.engine.load.placeholders import Placeholders
from reconciler.engine.load.resolve_environment import (
    DECIDED_BY_SETTINGS,
    UNRESOLVED,
    EnvironmentResolver,
    ResolvedEnvironment,
    list_environment_names,
)
from reconciler.engine.load.settings_tables import collect_settings_tables
from reconciler.engine.load.toml_file import TomlFile
from reconciler.engine.load.variables import (
    VariableDeclarations,
    VariableResolver,
    check_chosen_variables,
    parse_variables,
)
from reconciler.frozen_classes import field, frozen
from reconciler.model.constraints import Constraints
from reconciler.model.diagnostic import REPORTED_ALREADY, Diagnostic, InvalidValueError, ValueProblem
from reconciler.model.environment import NO_CHOICE, EnvironmentChoice
from reconciler.model.errors import name_environment
from reconciler.model.plan import Target
from reconciler.model.s3_object import S3Object
from reconciler.model.secret import ReadSecrets
from reconciler.model.settings import Settings

_CODES_WITH_KNOWN_NAMES = frozenset({"wrong-type", "invalid-name"})
"""The codes of problems that hide no environment; after others, such as those of a manifest, some may be unknown."""


def _copy(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return a copy; `os.environ` itself decodes its values again at each access."""
    return dict(environ)


_WHY_NOT_IN_INCLUDE: Mapping[str, str] = {
    "aws": DECIDED_BY_SETTINGS,
    "var": "an included file may declare variables",
    "workspace": DECIDED_BY_SETTINGS,
}
"""Namespace → why `include` cannot use it."""


@frozen
class LoadInputs:
    """The inputs of a desired state in addition to its path.

    - `choice`: the environment and the variables that the run chooses;
    - `find_target`: returns the target that `{aws.…}` describes, given the settings; None: such names cannot be used;
    - `copied_folder`: the copy that the path is in, if it is in one;
    - `read_secrets`: what was read from AWS of the secrets;
    - `tables`: the tables of Python that `for_each` may name;
    - `open_object`: opens an object in S3, given the settings; None: nothing may be called.
    """

    constraints: Constraints
    environ: Mapping[str, str] = field(converter=_copy)
    choice: EnvironmentChoice = NO_CHOICE
    find_target: Callable[[Settings], Target] | None = None
    copied_folder: CopiedFolder | None = None
    read_secrets: ReadSecrets = ReadSecrets()
    tables: Mapping[str, object] = field(factory=dict)
    open_object: Callable[[Settings, str, int], AbstractContextManager[S3Object]] | None = None


@frozen(eq=False)
class _Files:
    """The files that one or several environments have, with their settings tables.

    `contexts` has all files, the main ones first, each with the context that reads the files it refers to. `resolver` is None if
    there is no valid `[workspace]`, which a diagnostic explains.
    """

    included_paths: tuple[Path, ...]
    contexts: Mapping[TomlFile, LoadContext]
    resolver: EnvironmentResolver | None
    variables: VariableDeclarations
    diagnostics: tuple[Diagnostic, ...]


@frozen
class LoadedSettings:
    """The settings of one environment, and the files that its resources are read from.

    `manifest_inputs` has the manifests that are in no file. `own_problems` are the problems of the environment's own table, `shared_diagnostics` those of the other settings tables and of `include`.
    """

    resolved: ResolvedEnvironment
    files: _Files
    manifest_inputs: ManifestInputs
    own_problems: tuple[tuple[Declaration, ValueProblem], ...]
    shared_diagnostics: tuple[Diagnostic, ...]

    @property
    def contexts(self) -> Mapping[TomlFile, LoadContext]:
        """All files, each with the context that reads the files it refers to."""
        return self.files.contexts

    @property
    def variables(self) -> VariableDeclarations:
        """The variables that the files declare."""
        return self.files.variables


class EnvironmentLoader:
    """Reads the main files once, and then the settings of any environment in them."""

    def __init__(self, path: Path, inputs: LoadInputs) -> None:
        self._folder = path if path.is_dir() else path.parent
        self._inputs = inputs
        self._main = read_main_files(path)
        self._files: dict[tuple[Path, ...], _Files] = {}
        self._loaded: dict[str | None, LoadedSettings] = {}
        self._contexts = self._create_contexts(self._main)
        diagnostics = DiagnosticCollector()
        # `load` reports the problems of these tables, together with those of the included files.
        tables = collect_settings_tables(self._main.files, (), DiagnosticCollector()).environments
        self.environments: Mapping[str, DeclaredEnvironment] = parse_environments(
            [(table, self._contexts[table.file]) for table in tables],
            ManifestReader(ManifestInputs(inputs.tables, for_environments=True)),
            diagnostics,
        )
        self.are_names_known = not self._main.diagnostics and all(
            diagnostic.code in _CODES_WITH_KNOWN_NAMES for diagnostic in diagnostics.to_diagnostics()
        )
        """Whether all tables of environments have been read, with their manifests."""
        check_environment_tables(self.environments, diagnostics, are_names_known=self.are_names_known)
        self.diagnostics = (*self._main.diagnostics, *diagnostics.to_diagnostics())
        """The problems of the main files and of the environments' tables."""
        self._manifest_digests = [
            sorted((context.digests | context.query_digests | context.outside_digests).items())
            for context in self._contexts.values()
        ]

    def list_name_diagnostics(self) -> tuple[Diagnostic, ...]:
        """Return the problems because of which the environments may not have their intended names.

        An unknown table such as `[environment.dev]` may be meant for an environment.
        """
        diagnostics = DiagnosticCollector(self.diagnostics)
        report_unknown_tables(self._main.files, diagnostics)
        return diagnostics.to_diagnostics()

    @property
    def has_include(self) -> bool:
        """Whether the workspace or any environment includes other files."""
        workspace = self._find_workspace()
        tables = [environment.table for environment in self.environments.values()]
        return any("include" in table.entries for table in (workspace, *tables) if table)

    def compute_settings_digest(self) -> str:
        """Return the SHA-256 over all that the settings of the environments depend on, without included files."""
        files = [(str(file.path), hashlib.sha256(file.raw).hexdigest()) for file in self._main.files]
        chosen = (sorted(self._inputs.choice.variables.items()), sorted(self._inputs.environ.items()))
        content = repr((files, self._manifest_digests, chosen))
        return hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()

    def load(self, name: str | None) -> LoadedSettings:
        """Return the settings of an environment, or of a file without environments, with their problems.

        Raises SelectionError if a variable that the run chooses is not valid.
        """
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def list_variables(self, name: str | None) -> Collection[str]:
        """Return the names of the variables that an environment has, with a value or without."""
        return self._read_files(name, DiagnosticCollector()).variables

    def _load(self, name: str | None) -> LoadedSettings:
        diagnostics = DiagnosticCollector()
        files = self._read_files(name, diagnostics)
        own_table = self.environments[name].declaration if name is not None else None
        own_problems: list[tuple[Declaration, ValueProblem]] = []
        choice, environ = self._inputs.choice, self._inputs.environ
        if not (self._main.diagnostics or files.diagnostics):
            check_chosen_variables(files.variables, choice, environ)
        resolved = UNRESOLVED
        if files.resolver:
            resolved = files.resolver.resolve(name)
            for declaration, problem in resolved.problems:
                if declaration is own_table:
                    own_problems.append((declaration, problem))
                else:
                    diagnostics.add(declaration, problem)
            self._set_find_target(resolved)
            journal_problem = self._find_journal_problem(resolved)
            if journal_problem and own_table and resolved.environment.sources["journal"] != f"[{WORKSPACE}]":
                own_problems.append((own_table, journal_problem))
            elif journal_problem:
                diagnostics.add(files.resolver.workspace, journal_problem)
        shared_diagnostics = (*files.diagnostics, *diagnostics.to_diagnostics())
        inputs = self._build_manifest_inputs(resolved.environment.settings)
        return LoadedSettings(resolved, files, inputs, tuple(own_problems), shared_diagnostics)

    def _build_manifest_inputs(self, settings: Settings) -> ManifestInputs:
        open_object = self._inputs.open_object
        return ManifestInputs(self._inputs.tables, open_object and partial(open_object, settings))

    def _find_journal_problem(self, resolved: ResolvedEnvironment) -> ValueProblem | None:
        """Return the problem of the folder in `journal`, or None; in a copy of the files, the original has it."""
        journal = resolved.environment.settings.journal
        if self._inputs.copied_folder or not journal:
            return None
        if any(problem.path[:1] == ("journal",) for _, problem in resolved.problems):
            return None
        return find_journal_problem(journal, self._folder, self._inputs.choice.allowed_folders)

    def _set_find_target(self, resolved: ResolvedEnvironment) -> None:
        """Let `{aws.…}` be replaced, if the target can be known."""
        environment, find_target = resolved.environment, self._inputs.find_target
        if find_target is None:
            return

        @cache
        def find() -> Target:
            if resolved.problems:  # the settings may not be the intended ones
                problem = "the settings are not valid"
                raise InvalidValueError(ValueProblem(REPORTED_ALREADY, problem))
            with name_environment(environment.name):
                return find_target(environment.settings)

        resolved.placeholders.find_target = find

    def _create_contexts(self, files: TomlFiles) -> dict[TomlFile, LoadContext]:
        copied, environ = self._inputs.copied_folder, self._inputs.environ
        return {
            file: LoadContext(
                file.path.parent,
                environ,
                copied.find_original(file.path.parent) if copied else None,
                self._inputs.read_secrets,
            )
            for file in files.files
        }

    def _read_files(self, name: str | None, diagnostics: DiagnosticCollector) -> _Files:
        """Return the main files and the included ones; environments that include the same files share them."""
        paths = self._find_included(name, diagnostics)
        if paths not in self._files:
            included = read_files(paths, self._folder)
            contexts = {**self._contexts, **self._create_contexts(included)}
            own_diagnostics = DiagnosticCollector(included.diagnostics)
            tables = collect_settings_tables(contexts, included.files, own_diagnostics)
            variables = parse_variables(tables.variables, own_diagnostics)
            resolver = self._create_resolver(tables.workspace, variables) if tables.workspace else None
            self._files[paths] = _Files(
                paths, contexts, resolver, variables, own_diagnostics.to_diagnostics()
            )
        return self._files[paths]

    def _create_resolver(self, workspace: TomlTable, variables: VariableDeclarations) -> EnvironmentResolver:
        variable_resolver = VariableResolver(variables, self._inputs.choice, self._inputs.environ)
        return EnvironmentResolver(workspace, self.environments, variable_resolver, self._inputs.constraints)

    def _find_included(self, name: str | None, diagnostics: DiagnosticCollector) -> tuple[Path, ...]:
        """Return the files of `include`, whose paths may contain the names of the environment and its row."""
        declared = self.environments[name] if name is not None else None
        placeholders = Placeholders(list_environment_names(declared), _WHY_NOT_IN_INCLUDE)
        place: Declaration | None
        if declared and "include" in declared.table.entries:
            place = declared.declaration
            include, problems = declared.fill("include", placeholders)
        else:
            place = self._find_workspace()
            entries = {"include": place.entries["include"]} if place and "include" in place.entries else {}
            filled, problems = placeholders.replace_in_value(entries)
            include = filled.get("include")
        if place is None or not _is_list_of_texts(include):  # the settings' own check reports it
            return ()
        diagnostics.add(place, *problems)
        if problems:
            return ()
        if copied := self._inputs.copied_folder:
            include = [copied.find_copy(path) for path in include]
        paths = [file.path for file in self._main.files]
        allowed_folders = self._inputs.choice.allowed_folders
        included = find_included_files(include, paths, self._folder, allowed_folders)
        diagnostics.add(place, *included.problems)
        return included.paths

    def _find_workspace(self) -> TomlTable | None:
        for file in self._main.files:
            entries = file.data.get(WORKSPACE)
            if isinstance(entries, dict):
                return TomlTable((WORKSPACE,), entries, file)
        return None


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
