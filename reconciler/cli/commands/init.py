"""`reconciler init`: a small desired state that can be applied without editing it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from reconciler.cli.options import UserPath, add_common_options
from reconciler.cli.terminal import echo

_MAX_NAME_LENGTH = 64
"""At most this many characters of a folder's name become the workspace's name."""
_FALLBACK_NAME = "greenhouse"


@click.command()
@add_common_options()
@click.argument("folder", default=".", type=UserPath(is_folder=True))
@click.option("--name", metavar="NAME", help="Name of the workspace (default: from the folder's name).")
def init(folder: Path, name: str | None) -> None:
    """Write a starter file with a development CA and two devices.

    FOLDER is created if it does not exist (default: the current folder).
    """
    from reconciler.cli.starter import GITIGNORE_PATTERNS, build_starter_files, update_gitignore, write_files

    workspace_name = _derive_name(folder) if name is None else _validate_name(name)
    files = build_starter_files(workspace_name)
    existing = [str(folder / file.path) for file in files if (folder / file.path).exists()]
    if existing:
        raise click.ClickException(
            f"nothing was written, because these files already exist: {', '.join(existing)}; choose another folder"
        )
    write_files(folder, files)
    for file in files:
        mode = "  (mode 0600; never commit it)" if file.is_private else ""
        echo(f"  wrote {folder / file.path}{mode}")
    if update_gitignore(folder):
        echo(f"  {folder / '.gitignore'} now ignores {', '.join(GITIGNORE_PATTERNS)}")
    cd_line = "" if folder == Path() else f"  cd {shlex.quote(str(folder))}\n"
    echo(
        "\nNext, on the embedded registry, which needs no AWS account:\n\n"
        f"{cd_line}  reconciler plan\n  reconciler apply\n  reconciler graph\n\n"
        "The CA is for development only: anyone with pki/development-ca.key can create devices."
    )


def _validate_name(name: str) -> str:
    """Return the name, or raise ClickException if `reconciler validate` would reject it."""
    from reconciler.aws.service_model import ServiceModelConstraints
    from reconciler.engine.load.workspace_table import parse_settings
    from reconciler.render.views.regex_words import describe_expected

    _, problems = parse_settings({"name": name}, ServiceModelConstraints(), services=())
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
