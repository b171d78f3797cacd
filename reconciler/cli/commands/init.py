"""`reconciler init`: something small that works at once, to be changed into what is wanted."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from reconciler.cli.options import common


@click.command()
@common()
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", help="The workspace's name; else the folder's.")
def init(folder: Path, name: str | None) -> None:
    """Write a starter file with a development CA and two devices."""
    from reconciler.cli.starter import IGNORED, Written, ignore, starter, write

    workspace = _named_after(folder) if name is None else _checked(name)
    files = starter(workspace)
    there = [str(folder / file.path) for file in files if (folder / file.path).exists()]
    if there:
        raise click.ClickException(f"nothing was written, because this exists already: {', '.join(there)}")
    write(folder, files)
    added = ignore(folder)
    shown: list[Written] = [*files]
    for file in shown:
        mode = "  (mode 0600, never to be committed)" if file.private else ""
        click.echo(f"  wrote {folder / file.path}{mode}")
    if added:
        click.echo(f"  {folder / '.gitignore'} keeps {', '.join(IGNORED)} out of git")
    where = "" if folder == Path() else f"  cd {shlex.quote(str(folder))}\n"
    click.echo(
        f"\nNext, on the embedded registry, without any account:\n\n"
        f"{where}  reconciler plan\n  reconciler apply\n  reconciler graph\n\n"
        f"The CA is for development alone. Anyone with pki/development-ca.key can make devices of yours."
    )


_LONGEST = 64
"""Of a folder's name, what is taken for the workspace's."""


def _checked(name: str) -> str:
    """The name, unless `validate` would refuse the file for it."""
    from reconciler.aws.service_model import ServiceModelConstraints
    from reconciler.engine.load.workspace_table import settings_of
    from reconciler.render.views.regex_words import describe_expected

    for wrong in settings_of({"name": name}, ServiceModelConstraints(), ())[1]:
        told = f"{name!r} cannot be a workspace's name: {wrong.problem}"
        raise click.ClickException(
            f"{told}; expected {describe_expected(wrong.expected)}" if wrong.expected else told
        )
    return name


def _named_after(folder: Path) -> str:
    import re

    return re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-")[:_LONGEST] or "greenhouse"
