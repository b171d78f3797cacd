"""Merge `[workspace]` with the settings of an environment, and give the names in braces their values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from reconciler.engine.load.declaration import Declaration, TomlTable
from reconciler.engine.load.declarations import ENVIRONMENTS, WORKSPACE
from reconciler.engine.load.environments import OWN_KEYS, DeclaredEnvironment, PredecessorFinder
from reconciler.engine.load.placeholders import Placeholders
from reconciler.engine.load.variables import VariableResolver
from reconciler.engine.load.workspace_table import EMBEDDED, parse_settings
from reconciler.frozen_classes import frozen
from reconciler.model.constraints import Constraints
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.environment import Variable
from reconciler.model.resource import Origin
from reconciler.model.settings import Environment, Settings

DECIDED_BY_SETTINGS = "[workspace] and [environments] decide it"

_UNAVAILABLE_IN_SETTINGS: Mapping[str, str] = {
    "aws": DECIDED_BY_SETTINGS,
    "workspace": DECIDED_BY_SETTINGS,
}
_UNAVAILABLE_IN_VARIABLES: Mapping[str, str] = {
    "var": "the value of a variable cannot contain another one",
    **_UNAVAILABLE_IN_SETTINGS,
}
"""Namespace of names in braces → why they cannot be used there."""

_ACCOUNT_DIGITS = 12


@frozen
class ResolvedEnvironment:
    """An environment with the values of its names; a file without environments has one without a name.

    `problems` are those of this environment alone, each with the table to report it for.
    """

    name: str | None
    environment: Environment
    placeholders: Placeholders
    problems: tuple[tuple[Declaration, ValueProblem], ...]


UNRESOLVED = ResolvedEnvironment(
    None, Environment("", Settings(""), {}, (), (), Origin("", 1)), Placeholders(), ()
)
"""Stands for the workspace of a file without a valid `[workspace]`."""


class EnvironmentResolver:
    """Resolves the environments of one file."""

    def __init__(
        self,
        workspace: TomlTable,
        environments: Mapping[str, DeclaredEnvironment],
        variables: VariableResolver,
        constraints: Constraints,
    ) -> None:
        self.workspace = workspace
        self._environments = environments
        self._predecessors = PredecessorFinder(environments)
        self._variables = variables
        self._constraints = constraints

    def resolve(self, name: str | None) -> ResolvedEnvironment:
        """Return an environment with its settings and variables.

        `name` is None in a file without environments.
        """
        declared = self._environments[name] if name is not None else None
        problems: list[tuple[Declaration, ValueProblem]] = []
        variables = self._resolve_variables(name, declared, problems)
        values = {
            **list_environment_names(declared),
            "var": {variable.name: variable.value for variable in variables},
        }
        unresolved = self._variables.names - {variable.name for variable in variables}
        names = Placeholders(values, _UNAVAILABLE_IN_SETTINGS, unresolved)
        settings, sources = self._resolve_settings(declared, names, problems)
        resolved = Environment(
            name=name or "",
            settings=settings,
            sources=sources,
            variables=variables,
            after=self._predecessors.find(declared.table) if declared else (),
            origin=declared.declaration.origin if declared else self.workspace.origin,
            row=declared.row if declared else {},
            is_default=bool(declared and declared.is_default),
            table=declared.table.names[1] if declared else "",
        )
        for_resources = Placeholders(
            {**_leave_out_row(values), "workspace": {"name": settings.name}},
            unresolved=unresolved,
            used=names.used,
        )
        return ResolvedEnvironment(name, resolved, for_resources, tuple(problems))

    def _resolve_variables(
        self,
        name: str | None,
        declared: DeclaredEnvironment | None,
        problems: list[tuple[Declaration, ValueProblem]],
    ) -> tuple[Variable, ...]:
        """Return the variables with their values, and add what is wrong with them to `problems`."""
        own_table = declared.declaration if declared else self.workspace
        names = Placeholders(list_environment_names(declared), _UNAVAILABLE_IN_VARIABLES)
        given_values: Any = {}
        if declared and isinstance(declared.table.entries.get("variables"), dict):
            given_values, value_problems = declared.fill("variables", names)
            problems += ((own_table, problem) for problem in value_problems)

        def report(declaration: Declaration | None, problem: ValueProblem) -> None:
            problems.append(
                (declaration, problem) if declaration else (own_table, problem.nest_under("variables"))
            )

        names_in_defaults = Placeholders(_leave_out_row(names.values), names.unavailable)
        return self._variables.resolve(name, given_values, names_in_defaults, report)

    def _resolve_settings(
        self,
        declared: DeclaredEnvironment | None,
        names: Placeholders,
        problems: list[tuple[Declaration, ValueProblem]],
    ) -> tuple[Settings, Mapping[str, str]]:
        """Return the settings and where each comes from."""
        table, name_problems = names.replace_in_value(dict(self.workspace.entries))
        problems += ((self.workspace, problem) for problem in name_problems if not _is_of_include(problem))
        sources = dict.fromkeys(table, f"[{WORKSPACE}]")
        own_entries: dict[str, Any] = {}
        if declared:
            for key in declared.table.entries.keys() - set(OWN_KEYS):
                own_entries[key], own_problems = declared.fill(key, names)
                problems += (
                    (declared.declaration, problem) for problem in own_problems if not _is_of_include(problem)
                )
                name_problems += own_problems
            sources |= dict.fromkeys(own_entries, f"[{ENVIRONMENTS}.{declared.name}]")
            table = _merge(table, own_entries)
        # An environment's own keys are valid there, so they may be suggested, but they are not in `[workspace]`.
        own_keys = [key for key in OWN_KEYS if declared and key not in self.workspace.entries]
        settings, setting_problems = parse_settings(table, self._constraints, own_keys)
        invalid_keys = {problem.path[0] for problem in name_problems}
        for problem in setting_problems:
            if problem.path and problem.path[0] in invalid_keys:
                continue  # the value is not the intended one
            is_own = declared is not None and _has_path(own_entries, problem.path)
            problems.append((declared.declaration if is_own and declared else self.workspace, problem))
        if declared and settings.target == EMBEDDED and settings.account is None:
            settings = evolve(settings, account=_derive_account(declared.name))
            sources["account"] = "its name"
        return settings, sources


def _is_of_include(problem: ValueProblem) -> bool:
    """Return whether a problem is in `include`, whose problems the read of the files reports."""
    return problem.path[:1] == ("include",)


def _leave_out_row(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return values of names without those of the row of an environment, which only its own table can use."""
    return {namespace: entries for namespace, entries in values.items() if namespace != "row"}


def list_environment_names(declared: DeclaredEnvironment | None) -> dict[str, Mapping[str, Any]]:
    """Return the names of the environment and of its row, by namespace."""
    if declared is None:
        return {}
    names: dict[str, Mapping[str, Any]] = {"environment": {"name": declared.name}}
    return {**names, "row": declared.row} if declared.row else names


def _merge(table: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with the entries of both; those of `other` count, and tables inside are merged."""
    merged = dict(table)
    for key, value in other.items():
        both_tables = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both_tables else value
    return merged


def _has_path(entries: Any, path: tuple[str | int, ...]) -> bool:
    """Return whether a table has the value at a path, or for a missing value the table around it."""
    if not path or path[0] not in entries:
        return False
    value = entries[path[0]]
    return len(path) == 1 or not isinstance(value, dict) or _has_path(value, path[1:])


def _derive_account(environment: str) -> str:
    """Return the account ID of an environment on the embedded registry, which follows from its name."""
    digest = hashlib.sha256(environment.encode()).hexdigest()
    return str(int(digest, 16))[:_ACCOUNT_DIGITS].zfill(_ACCOUNT_DIGITS)
