"""`[environments]`: the environments that the main file declares, and the one that a run selects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from shlex import quote as quote_for_shell
from typing import Any

from attrs import evolve
from msgspec.structs import replace

from reconciler.engine.load.declaration import Declaration, TomlTable
from reconciler.engine.load.declarations import ENVIRONMENTS
from reconciler.engine.load.diagnostics import DiagnosticCollector
from reconciler.engine.load.environment_patterns import GLOB_CHARACTERS, match_names
from reconciler.engine.load.for_each import FOR_EACH, Instance, parse_for_each
from reconciler.engine.load.input_files import LoadContext
from reconciler.engine.load.interpolation import InterpolationParser
from reconciler.engine.load.manifests.builder import Manifest
from reconciler.engine.load.manifests.reader import ManifestReader
from reconciler.engine.load.placeholders import Placeholders
from reconciler.engine.load.variables import INVALID_CHOICE
from reconciler.frozen_classes import frozen
from reconciler.model.diagnostic import InvalidValueError, Suggestion, ValueProblem
from reconciler.model.environment import EnvironmentChoice
from reconciler.model.errors import SelectionError
from reconciler.model.text import closest_match, describe_value, format_suggestion, join_some, quote

ENVIRONMENT_VARIABLE = "RECONCILER_ENV"

OWN_KEYS = ("after", "default", FOR_EACH, "variables")
"""The keys of an environment that are not settings of `[workspace]`."""

_MAX_ENVIRONMENTS = 2_000
"""The maximum number of environments: each load resolves all of them, to find two that are the same workspace."""

_MAX_LISTED = 10
"""The maximum number of environments that a message lists."""


@frozen(eq=False)
class DeclaredEnvironment:
    """An environment as its table declares it.

    `declaration` is the table or, with `for_each`, its instance for one row; `row` has the values of the row by column.
    """

    name: str
    declaration: Declaration
    row: Mapping[str, str]

    @property
    def table(self) -> TomlTable:
        """The table in the file."""
        return self.declaration.table

    @property
    def is_default(self) -> bool:
        """Whether it is used if none is selected."""
        return self.table.entries.get("default") is True

    def fill(self, key: str, placeholders: Placeholders) -> tuple[Any, list[ValueProblem]]:
        """Return the value of a key, with the names in braces replaced, and the problems."""
        value = self.table.entries[key]
        if FOR_EACH not in self.table.entries:
            replaced, problems = placeholders.replace_in_value(value)
            return replaced, [problem.nest_under(key) for problem in problems]
        parser = InterpolationParser(tuple(self.row), placeholders)
        interpolation = parser.parse(value, (key,))
        try:
            return interpolation.fill(tuple(self.row.values())), parser.problems
        except InvalidValueError as error:
            return value, [*parser.problems, *error.nest_under(key).problems]


def parse_environments(
    tables: Sequence[tuple[TomlTable, LoadContext]],
    manifests: ManifestReader,
    diagnostics: DiagnosticCollector,
) -> Mapping[str, DeclaredEnvironment]:
    """Return the environments by name, and report problems of their names and manifests.

    `tables` are the `[environments]` tables, each with the context that reads the manifests of its file with `manifests`.
    """
    environments: dict[str, DeclaredEnvironment] = {}
    for whole_table, context in tables:
        for name, entries in whole_table.entries.items():
            table = TomlTable(
                (ENVIRONMENTS, name), entries if isinstance(entries, dict) else {}, whole_table.file
            )
            if not isinstance(entries, dict):
                problem, expected = f"got {describe_value(entries)}", f"a table [{ENVIRONMENTS}.NAME]"
                diagnostics.add(table, ValueProblem("wrong-type", problem, expected))
                continue
            for environment in _expand(table, context, manifests, diagnostics):
                if len(environments) == _MAX_ENVIRONMENTS:
                    problem, expected = "too many environments", f"at most {_MAX_ENVIRONMENTS:,}"
                    diagnostics.add(table, ValueProblem("too-many-environments", problem, expected))
                    return environments
                _add(environment, environments, diagnostics)
    return environments


def check_environment_tables(
    environments: Mapping[str, DeclaredEnvironment],
    diagnostics: DiagnosticCollector,
    *,
    are_names_known: bool,
) -> None:
    """Report problems of the environments' own keys; those of `after` only if all `are_names_known`."""
    finder = PredecessorFinder(environments)
    for table in _list_tables(environments):
        diagnostics.add(table, *_check_own_keys(table))
        if are_names_known:
            diagnostics.add(table, *_check_after(table, finder))
    _check_defaults(environments, diagnostics)
    _check_cycles(environments, finder, diagnostics)


def _list_tables(environments: Mapping[str, DeclaredEnvironment]) -> Collection[TomlTable]:
    """Return the table of each environment once."""
    tables = (environment.table for environment in environments.values())
    return {id(table): table for table in tables}.values()


def _expand(
    table: TomlTable, context: LoadContext, manifests: ManifestReader, diagnostics: DiagnosticCollector
) -> Iterator[DeclaredEnvironment]:
    """Yield the environment of a table, or the environments of the rows of its `for_each`."""
    if FOR_EACH not in table.entries:
        yield DeclaredEnvironment(table.names[1], table, {})
        return
    try:
        manifest = manifests.read(table.entries[FOR_EACH], context)
    except InvalidValueError as error:
        diagnostics.add(table, *error.nest_under(FOR_EACH).problems)
        return
    for row, problem in manifest.problems:
        diagnostics.add(table, problem, manifest_row=row)
    # Only the name depends on the row alone; the other keys are filled when the variables are known.
    for_each = parse_for_each(evolve(table, entries={}), manifest, Placeholders())
    diagnostics.add(table, *for_each.problems)
    for instance in for_each.instances:
        declaration = replace(instance, for_each=evolve(instance.for_each, table=table))
        yield DeclaredEnvironment(instance.address.name, declaration, _read_row(manifest, instance))


def _read_row(manifest: Manifest, instance: Instance) -> Mapping[str, str]:
    return dict(zip(manifest.columns or (), instance.row_values, strict=True))


def _add(
    environment: DeclaredEnvironment,
    environments: dict[str, DeclaredEnvironment],
    diagnostics: DiagnosticCollector,
) -> None:
    first = environments.setdefault(environment.name, environment)
    if first is not environment:
        problem = f"already declared at {first.declaration.origin}; rename or remove one of the two"
        diagnostics.add(environment.declaration, ValueProblem("duplicate-declaration", problem))
    elif (
        not environment.name
        or not environment.name.isprintable()
        or set(environment.name) & {*GLOB_CHARACTERS, ","}
    ):
        problem = f"{quote(environment.name)} is not a valid name of an environment"
        expected = "printable characters other than *, ?, [, ] and the comma"
        diagnostics.add(environment.declaration, ValueProblem("invalid-name", problem, expected))


def _check_own_keys(table: TomlTable) -> Iterator[ValueProblem]:
    entries = table.entries
    if "default" in entries and not isinstance(entries["default"], bool):
        problem = f"got {describe_value(entries['default'])}"
        yield ValueProblem("wrong-type", problem, "true or false", path=("default",))
    if "variables" in entries and not isinstance(entries["variables"], dict):
        problem = f"got {describe_value(entries['variables'])}"
        yield ValueProblem("wrong-type", problem, "a table", path=("variables",))
    after = entries.get("after", [])
    if not isinstance(after, list):
        expected = "an array, each item the name of an environment or a glob"
        yield ValueProblem("wrong-type", f"got {describe_value(after)}", expected, path=("after",))


def _check_after(table: TomlTable, finder: PredecessorFinder) -> Iterator[ValueProblem]:
    after = table.entries.get("after", [])
    for index, pattern in enumerate(after if isinstance(after, list) else ()):
        item_problem = _check_predecessor(pattern, table, finder)
        if item_problem:
            yield item_problem.nest_under("after", index)


def _check_predecessor(pattern: object, table: TomlTable, finder: PredecessorFinder) -> ValueProblem | None:
    """Return the problem of one item of `after`, or None."""
    environments = finder.environments
    if not isinstance(pattern, str):
        expected = "the name of an environment or a glob"
        return ValueProblem("wrong-type", f"got {describe_value(pattern)}", expected)
    if not finder.match(pattern):
        name = pattern.removeprefix(f"{ENVIRONMENTS}.")
        suggestion = Suggestion(name, environments, replaces_expected=True)
        problem, expected = (
            f"{quote(pattern)} matches no environment",
            f"a name or glob of {_list(environments)}",
        )
        return ValueProblem("unknown-environment", problem, expected, suggestion)
    if pattern in environments and environments[pattern].table is table:
        problem = f"{quote(pattern)} is an environment of this table, so it would wait for itself"
        return ValueProblem("cycle", problem, "environments of other tables")
    return None


def _check_defaults(
    environments: Mapping[str, DeclaredEnvironment], diagnostics: DiagnosticCollector
) -> None:
    """Report that more than one environment is the default, at the table of the second one."""
    defaults = [environment for environment in environments.values() if environment.is_default]
    if len(defaults) > 1:
        names = _list([environment.name for environment in defaults])
        problem = f"{len(defaults)} environments have default = true: {names}"
        diagnostics.add(
            defaults[1].table,
            ValueProblem("duplicate-default", problem, "at most one", path=("default",)),
        )


class PredecessorFinder:
    """Finds the environments that a rollout completes before those of a table, which all have the same."""

    def __init__(self, environments: Mapping[str, DeclaredEnvironment]) -> None:
        self.environments = environments
        self._names_by_table: dict[int, tuple[str, ...]] = {}
        self._names_by_pattern: dict[str, list[str]] = {}

    def match(self, pattern: str) -> list[str]:
        """Return the environments that a name or glob matches."""
        if pattern not in self._names_by_pattern:
            self._names_by_pattern[pattern] = match_names(pattern, self.environments)
        return self._names_by_pattern[pattern]

    def find(self, table: TomlTable) -> tuple[str, ...]:
        """Return the environments before those of a table, which are never of this table itself."""
        key = id(table)
        if key not in self._names_by_table:
            self._names_by_table[key] = tuple(sorted(self._iterate_names(table)))
        return self._names_by_table[key]

    def _iterate_names(self, table: TomlTable) -> Iterator[str]:
        after = table.entries.get("after", [])
        patterns = [item for item in after if isinstance(item, str)] if isinstance(after, list) else []
        names = {name for pattern in patterns for name in self.match(pattern)}
        yield from (name for name in names if self.environments[name].table is not table)


def _check_cycles(
    environments: Mapping[str, DeclaredEnvironment],
    finder: PredecessorFinder,
    diagnostics: DiagnosticCollector,
) -> None:
    """Report tables whose environments wait for each other."""
    tables = {id(table): table for table in _list_tables(environments)}
    edges = [
        (id(environments[name].table), key) for key, table in tables.items() for name in finder.find(table)
    ]
    if not edges:
        return
    import networkx as nx  # slow to import

    graph: nx.DiGraph[int] = nx.DiGraph(edges)
    for component in nx.strongly_connected_components(graph):
        if len(component) == 1:
            continue
        first = min((tables[key] for key in component), key=lambda table: table.origin)
        names = sorted(name for name, item in environments.items() if id(item.table) in component)
        problem = f"the environments {join_some(names, _MAX_LISTED)} wait for each other; remove one of these entries"
        diagnostics.add(first, ValueProblem("cycle", problem, path=("after",)))


def select_environment(
    environments: Mapping[str, DeclaredEnvironment], choice: EnvironmentChoice, environ: Mapping[str, str]
) -> str | None:
    """Return the name of the one environment that a run is for; None in a file without environments.

    Raises SelectionError.
    """
    source = "" if choice.name else f"{ENVIRONMENT_VARIABLE}: "
    pattern = choice.name or environ.get(ENVIRONMENT_VARIABLE) or None
    if pattern is None:
        if not environments:
            return None
        defaults = [name for name, environment in environments.items() if environment.is_default]
        if len(defaults) == 1:
            return defaults[0]
        reason = "several have default = true" if defaults else "none is selected"
        raise SelectionError(
            [f"the file has environments, and {reason}; choose one of {_list(environments)} with --env NAME"],
            INVALID_CHOICE,
        )
    (first, *others) = select_environments(environments, (pattern,), source)
    if others:
        names = _list([first, *others])
        raise SelectionError(
            [f"{source}{quote(pattern)} matches {len(others) + 1} environments: {names}; expected one"],
            INVALID_CHOICE,
        )
    return first


def select_environments(
    environments: Collection[str], patterns: Sequence[str], source: str = ""
) -> list[str]:
    """Return the environments that names or globs match, in the file's order.

    Messages begin with `source`, which names where the patterns come from. Raises SelectionError.
    """
    if not environments:
        problem = f"{source}the file declares no environments"
        if tuple(patterns) == ("*",):
            advice = "leave out --all-envs"
        else:
            problem += f", so {quote(patterns[0])} matches none"
            advice = f"unset {ENVIRONMENT_VARIABLE}" if source else "leave out --env"
        raise SelectionError([f"{problem}; {advice}, or add [{ENVIRONMENTS}.NAME]"], INVALID_CHOICE)
    matches_by_pattern = {pattern: match_names(pattern, environments) for pattern in patterns}
    problems = []
    for pattern, matches in matches_by_pattern.items():
        if not matches:
            hint = _build_hint(pattern, environments)
            problems.append(f"{source}no environment matches {quote(pattern)}{hint}")
    if problems:
        raise SelectionError(problems, INVALID_CHOICE)
    selected = {name for matches in matches_by_pattern.values() for name in matches}
    return [name for name in environments if name in selected]


def _build_hint(pattern: str, environments: Collection[str]) -> str:
    """Return the advice for a name or glob that matches no environment."""
    names = [name.strip() for name in pattern.split(",")]
    if len(names) > 1 and all(match_names(name, environments) for name in names):
        return f"; select each on its own: {' '.join(f'--env {quote_for_shell(name)}' for name in names)}"
    return format_suggestion(closest_match(pattern, environments)) or f"; the file has {_list(environments)}"


def _list(names: Collection[str]) -> str:
    return join_some(names, _MAX_LISTED)


def group_identities(identities: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield the names of environments with the same identity, for each identity that several have."""
    names_by_identity: defaultdict[Any, list[str]] = defaultdict(list)
    for name, identity in identities.items():
        names_by_identity[identity].append(name)
    yield from (names for names in names_by_identity.values() if len(names) > 1)
