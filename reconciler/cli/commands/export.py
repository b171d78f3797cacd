"""`reconciler export`: the live registry as a desired-state file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Options, common

if TYPE_CHECKING:
    from reconciler.engine.export.export import Export
    from reconciler.workspace import Workspace


def _kinds(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from reconciler.kinds import all_kinds

    return [table for table in all_kinds() if table.startswith(incomplete)]


def _known(_ctx: click.Context, _parameter: click.Parameter, given: Sequence[str]) -> Sequence[str]:
    from reconciler.kinds import all_kinds
    from reconciler.model.text import closest_match

    for table in given:
        if table not in all_kinds():
            near = closest_match(table, [*all_kinds()])
            hint = f"; did you mean {near!r}?" if near else ""
            raise click.BadParameter(f"{table!r} is no kind{hint}")
    return given


@click.command()
@common()
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    callback=_known,
    shell_complete=_kinds,
    metavar="KIND",
    help="Only this kind, such as things. May be given again.",
)
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this new file.")
@click.option(
    "--pem-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write certificates as files into this folder, instead of into the text.",
)
@click.argument("selectors", nargs=-1, metavar="[ADDRESS|GLOB]...")
@click.pass_context
def export(
    ctx: click.Context, kinds: Sequence[str], out: Path | None, pem_dir: Path | None, selectors: Sequence[str]
) -> None:
    """Write what is there as a file, other workspaces' aside: what bears the workspace's mark plans empty.

    What bears no mark is named: it is to be taken over first, where --adopt names it.
    """
    from reconciler.engine.export.files import export_selected, keeping
    from reconciler.model.text import join_some
    from reconciler.render.views.plan import pluralize
    from reconciler.workspace import Workspace

    if out is not None and out.exists():
        raise click.ClickException(f"{out} is there already, and is not overwritten")
    workspace = Workspace(Options.of(ctx).file)
    keep = keeping(pem_dir, out.parent if out else Path())
    found = export_selected(workspace.desired, workspace.connection.call, (*kinds, *selectors), keep)
    text = _text(workspace, found)
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        click.echo(f"wrote {out}: {pluralize(len(found.tables), 'resource')}", err=True)
    if found.unmarked:
        named = join_some(map(str, found.unmarked))
        click.echo(f"no workspace's yet, so a plan takes them over first, with --adopt: {named}", err=True)
    for address, why in found.left_out.items():
        click.echo(f"left out {address}: {why}", err=True)


def _text(workspace: Workspace, found: Export) -> str:
    """The whole file: `[workspace]`, the tables, and what could not be said."""
    import attrs

    from reconciler.engine.export.toml_writer import head, remarks, text_of

    settings = workspace.desired.settings
    said = {
        field.name: value
        for field in attrs.fields(type(settings))
        if isinstance(value := getattr(settings, field.name), str) and value != field.default
    }
    said |= {"target": settings.target, "region": workspace.connection.target.region}
    left = [
        f"{address} is left out: {why}; by this file it would be deleted where it is the workspace's"
        for address, why in found.left_out.items()
    ]
    return "\n".join(part for part in (head(said), text_of(found.tables), remarks(left)) if part)
