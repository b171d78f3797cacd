"""List the names of the environments and variables of a desired state, for completion in a shell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reconciler.engine.load.environment_loader import EnvironmentLoader, LoadInputs
from reconciler.frozen_classes import frozen
from reconciler.model.constraints import Constraints
from reconciler.model.environment import EnvironmentChoice


@frozen
class DeclaredNames:
    """The names of all environments and of all variables, in the order of the files."""

    environments: tuple[str, ...]
    variables: tuple[str, ...]


def list_declared_names(
    path: Path, constraints: Constraints, environ: Mapping[str, str], choice: EnvironmentChoice
) -> DeclaredNames:
    """Return the names, also if a required variable has no value or the files have other errors."""
    loader = EnvironmentLoader(path, LoadInputs(constraints, environ, choice))
    names = dict[str, None]()
    for environment in loader.environments or (None,):
        names |= dict.fromkeys(loader.list_variables(environment))
    return DeclaredNames(tuple(loader.environments), tuple(names))
