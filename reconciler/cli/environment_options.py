"""Options that choose an environment of the file and the values of its variables."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli.options import Options, UserPath, reject_ambiguous_selection

if TYPE_CHECKING:
    from reconciler.engine.load.list_names import DeclaredNames

_Function = TypeVar("_Function", bound=Callable[..., Any])


def add_environment_options(function: _Function) -> _Function:
    """Add `--env`, `--var` and `--allow-outside`, whose values are stored in `Options`."""
    # The help lists the options in the reverse of the order in which they are added.
    for option in (
        click.option(
            "--allow-outside",
            multiple=True,
            expose_value=False,
            callback=_store_folders,
            type=UserPath(is_folder=True, exists=True, advice="; --allow-outside needs a folder"),
            metavar="FOLDER",
            help="Allow `include` to read from this folder outside the repository. Repeatable.",
        ),
        click.option(
            "--var",
            multiple=True,
            expose_value=False,
            callback=_store_variables,
            shell_complete=_complete_variables,
            metavar="NAME=VALUE",
            help="Set a variable of the file (also: RECONCILER_VAR_NAME). Repeatable.",
        ),
        click.option(
            "--env",
            multiple=True,
            expose_value=False,
            callback=_store_environments,
            shell_complete=_complete_environments,
            metavar="NAME",
            help="Environment of the file: a name or a glob (default: RECONCILER_ENV, else the file's default).",
        ),
    ):
        function = option(function)
    return function


def _store_environments(ctx: click.Context, _parameter: click.Parameter, value: Sequence[str]) -> None:
    if not value:
        return
    if not all(value):
        raise click.BadParameter("the name is empty; expected the name of an environment or a glob")
    Options.from_context(ctx).environments = tuple(value)
    reject_ambiguous_selection(ctx)


def _store_variables(ctx: click.Context, _parameter: click.Parameter, value: Sequence[str]) -> None:
    for text in value:
        name, equals, content = text.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{text!r} is not a valid variable; expected NAME=VALUE")
        Options.from_context(ctx).variables[name] = content


def _store_folders(ctx: click.Context, _parameter: click.Parameter, value: Sequence[Path]) -> None:
    if value:
        Options.from_context(ctx).allow_outside = tuple(value)


def _complete_environments(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the environments of the file that complete a word, or none if the file cannot be read."""
    names = _list_names(ctx)
    return [name for name in names.environments if name.startswith(incomplete)] if names else []


def _complete_variables(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the variables of the file that complete a word, each with an equals sign."""
    names = _list_names(ctx)
    return [f"{name}=" for name in names.variables if name.startswith(incomplete)] if names else []


def _list_names(ctx: click.Context) -> DeclaredNames | None:
    from reconciler.aws.service_model import ServiceModelConstraints
    from reconciler.engine.load.list_names import list_declared_names
    from reconciler.model.environment import EnvironmentChoice
    from reconciler.model.errors import ReconcilerError

    options = Options.from_context(ctx)
    choice = EnvironmentChoice(allowed_folders=options.allow_outside)
    try:
        return list_declared_names(Path(options.file), ServiceModelConstraints(), os.environ, choice)
    except (ReconcilerError, OSError):
        return None
