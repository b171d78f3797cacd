"""`reconciler init`: a small desired state that can be applied without editing it."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from reconciler.cli.options import UserPath, add_common_options
from reconciler.cli.terminal import echo
from reconciler.cli.workspace_names import choose_workspace_name, name_option


@click.command()
@add_common_options()
@click.argument("folder", default=".", type=UserPath(is_folder=True))
@name_option
def init(folder: Path, name: str | None) -> None:
    """Write a starter file with a development CA and two devices.

    FOLDER is created if it does not exist (default: the current folder).
    """
    from reconciler.cli.starter import GITIGNORE_PATTERNS, build_starter_files, update_gitignore, write_files

    workspace_name = choose_workspace_name(name, folder)
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
