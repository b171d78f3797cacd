"""Variables, and what a run chooses: an environment and values of variables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from reconciler.frozen_classes import frozen

VariableValue: TypeAlias = str | int | float | bool
"""The value of a variable."""


def format_value(value: VariableValue) -> str:
    """Return a value as text, as TOML writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def format_variables(variables: Mapping[str, VariableValue]) -> dict[str, str]:
    """Return the argument `variables` with its values as text.

    Raises ValueError for a value of another type.
    """
    for name, value in variables.items():
        if not isinstance(value, VariableValue):
            raise ValueError(  # noqa: TRY004 (as for other arguments)
                f"variables[{name!r}]: {value!r} is not a valid value; expected text, a number or a boolean"
            )
    return {name: format_value(value) for name, value in variables.items()}


@frozen
class EnvironmentChoice:
    """The choices of a run in addition to the file.

    - `name`: the name of an environment, or a glob that matches one; None: `RECONCILER_ENV`, or the default environment;
    - `variables`: the values of variables, as text;
    - `allowed_folders`: folders outside the repository from which `include` may read.
    """

    name: str | None = None
    variables: Mapping[str, str] = MappingProxyType({})
    allowed_folders: tuple[Path, ...] = ()


NO_CHOICE = EnvironmentChoice()


@frozen
class Variable:
    """A variable with its value in one environment.

    `type` is "string", "integer", "number" or "boolean"; `source` is where the value comes from, such as `--var`.
    """

    name: str
    type: str
    value: VariableValue
    source: str
    description: str = ""
