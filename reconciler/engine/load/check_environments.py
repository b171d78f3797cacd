"""Check a desired state in many environments at once: every diagnostic, each of them only once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from attrs import evolve

from reconciler.engine.load.diagnostics import DiagnosticCollector
from reconciler.engine.load.environment_loader import EnvironmentLoader, LoadInputs
from reconciler.engine.load.environment_summaries import summarize_environments
from reconciler.engine.load.load import check_identities, load_resources, select_names
from reconciler.frozen_classes import frozen
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import InvalidDesiredStateError
from reconciler.model.text import join_some
from reconciler.model.warning_codes import UNUSED_VARIABLE

_Key: TypeAlias = tuple[object, ...]


@frozen
class CheckedEnvironments:
    """A valid desired state in many environments.

    `resource_counts` has, for each environment, the number of resources by kind. `warnings` are those of all environments.
    """

    resource_counts: Mapping[str, Mapping[str, int]]
    warnings: tuple[Diagnostic, ...]


def check_environments(path: Path, patterns: Sequence[str], inputs: LoadInputs) -> CheckedEnvironments:
    """Load the desired state in each environment that names or globs match.

    A diagnostic that not all of these environments have names those that have it. Raises InvalidDesiredStateError with the
    diagnostics of all of them if there is an error; SelectionError if the choice of an environment or a variable is not valid.
    """
    loader = EnvironmentLoader(path, inputs)
    names = select_names(loader, patterns, path)
    summaries = summarize_environments(loader, inputs.environ)
    table_diagnostics = DiagnosticCollector()
    check_identities(loader, summaries, table_diagnostics)
    diagnostics: dict[str, Sequence[Diagnostic]] = {}
    resource_counts: dict[str, Mapping[str, int]] = {}
    for name in names:
        loaded = loader.load(name)
        for declaration, problem in loaded.own_problems:
            table_diagnostics.add(declaration, problem)
        collector = DiagnosticCollector((*loader.diagnostics, *loaded.shared_diagnostics))
        try:
            state = load_resources(loaded, summaries, inputs.constraints, collector, path)
        except InvalidDesiredStateError as error:
            diagnostics[name] = error.diagnostics
            continue
        diagnostics[name] = state.warnings
        resource_counts[name] = Counter(
            address.kind for address, resource in state.resources.items() if not resource.is_ownership_marker
        )
    merged = sorted(
        (*table_diagnostics.to_diagnostics(), *merge_diagnostics(diagnostics)),
        key=lambda diagnostic: (diagnostic.file, diagnostic.line),
    )
    if any(diagnostic.severity == "error" for diagnostic in merged):
        raise InvalidDesiredStateError(merged, path)
    return CheckedEnvironments(resource_counts, tuple(merged))


def merge_diagnostics(diagnostics: Mapping[str, Iterable[Diagnostic]]) -> tuple[Diagnostic, ...]:
    """Return the diagnostics of all environments, each only once.

    Those at one place with one code count as one, even if the texts have different values. One that not all environments have names those that have it.
    """
    names: dict[_Key, list[str]] = {}
    samples: dict[_Key, Diagnostic] = {}
    for name, own_diagnostics in diagnostics.items():
        occurrences: Counter[_Key] = Counter()
        for diagnostic in own_diagnostics:
            place = (diagnostic.file, diagnostic.line, diagnostic.address, diagnostic.field, diagnostic.code)
            occurrences[place] += 1
            key = (*place, occurrences[place])
            samples.setdefault(key, diagnostic)
            names.setdefault(key, []).append(name)
    return tuple(
        _name_environments(diagnostic, names[key], len(diagnostics)) for key, diagnostic in samples.items()
    )


def _name_environments(diagnostic: Diagnostic, names: Sequence[str], total: int) -> Diagnostic:
    if len(names) == total or diagnostic.code == UNUSED_VARIABLE:  # this one is about all environments
        return diagnostic
    return evolve(diagnostic, problem=f"{diagnostic.problem} (in {join_some(names)})")
