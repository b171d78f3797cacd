"""Names of new workspaces: the option `--name`, and the name that follows from a folder."""

from __future__ import annotations

import re
from pathlib import Path

import click

_MAX_NAME_LENGTH = 64
"""At most this many characters of a folder's name become the workspace's name."""
_FALLBACK_NAME = "greenhouse"

name_option = click.option(
    "--name", metavar="NAME", help="Name of the workspace (default: from the folder's name)."
)


def choose_workspace_name(name: str | None, folder: Path) -> str:
    """Return the name that the option sets, or the one that follows from the folder of the new file.

    Raises ClickException if `reconciler validate` would reject the name.
    """
    return _derive_name(folder) if name is None else _validate_name(name)


def _validate_name(name: str) -> str:
    from reconciler.aws.service_model import ServiceModelConstraints
    from reconciler.engine.load.workspace_table import parse_settings
    from reconciler.render.views.regex_words import describe_expected

    _, problems = parse_settings({"name": name}, ServiceModelConstraints())
    if not problems:
        return name
    problem = problems[0]
    message = f"{name!r} is not a valid workspace name: {problem.problem}"
    expected = f"; expected {describe_expected(problem.expected)}" if problem.expected else ""
    raise click.ClickException(message + expected)


def _derive_name(folder: Path) -> str:
    """Return a valid workspace name made from the folder's name.

    It is `_FALLBACK_NAME` if no character of the folder's name is usable.
    """
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-")
    return name[:_MAX_NAME_LENGTH] or _FALLBACK_NAME
