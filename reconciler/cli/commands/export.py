"""`reconciler export`: live resources as a desired-state file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Options, add_common_options, pem_dir_option
from reconciler.cli.terminal import echo

if TYPE_CHECKING:
    from reconciler.engine.export.export import Export
    from reconciler.workspace import Workspace


def _complete_kinds(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from reconciler.kinds import all_kinds

    return [kind for kind in all_kinds() if kind.startswith(incomplete)]


def _validate_kinds(_ctx: click.Context, _parameter: click.Parameter, value: Sequence[str]) -> Sequence[str]:
    from reconciler.kinds import all_kinds
    from reconciler.model.text import closest_match, format_suggestion, quote

    known_kinds = list(all_kinds())
    for kind in value:
        if kind not in known_kinds:
            suggestion = format_suggestion(closest_match(kind, known_kinds))
            raise click.BadParameter(f"{quote(kind)} is not a resource kind{suggestion}")
    return value


@click.command()
@add_common_options()
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    callback=_validate_kinds,
    shell_complete=_complete_kinds,
    metavar="KIND",
    help="Export only this kind, such as things. Repeatable.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to this file, which must not exist (default: stdout).",
)
@pem_dir_option
@click.argument("selectors", nargs=-1, metavar="[ADDRESS|GLOB]...")
@click.pass_context
def export(
    ctx: click.Context, kinds: Sequence[str], out: Path | None, pem_dir: Path | None, selectors: Sequence[str]
) -> None:
    """Export live resources as a desired-state file.

    ADDRESS or GLOB selects resources, such as things.pump-1 or 'things.pump-*'; a kind selects all of that kind (default: all).

    Resources of other workspaces are left out. Resources that no workspace owns are exported, and also listed on stderr;
    to import one, use the --adopt option of `reconciler apply`.
    """
    from reconciler.engine.export.files import build_pem_writer, export_selected
    from reconciler.model.text import join_some
    from reconciler.render.views.labels import pluralize
    from reconciler.workspace import Workspace

    if out is not None and out.exists():
        raise click.ClickException(f"{out}: file already exists and was not overwritten; choose another name")
    workspace = Workspace(Options.from_context(ctx).file)
    write_pem = build_pem_writer(pem_dir, out.parent if out else Path())
    result = export_selected(workspace.desired, workspace.connection.call, (*kinds, *selectors), write_pem)
    text = _render_file(workspace, result)
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        echo(f"wrote {out}: {pluralize(len(result.tables), 'resource')}", stderr=True)
    if result.unmanaged:
        addresses = join_some(map(str, result.unmanaged))
        echo(
            f"not managed yet: {addresses}; to import one, run `reconciler apply --adopt ADDRESS`",
            stderr=True,
        )
    for address, reason in result.left_out.items():
        echo(f"left out {address}: {reason}", stderr=True)


def _render_file(workspace: Workspace, result: Export) -> str:
    """Return the whole file: `[workspace]`, the tables, and a comment for each resource that was left out."""
    import attrs

    from reconciler.engine.export.toml_writer import render_comments, render_tables, render_workspace_table

    settings = workspace.desired.settings
    values = {}  # `limits` and `quotas`, which are tables, are left out
    for field in attrs.fields(type(settings)):
        value = getattr(settings, field.name)
        if isinstance(value, str) and value != field.default:
            values[field.name] = value
    # These two are written even if they are the defaults, so that the file names the registry it was exported from.
    values |= {"target": settings.target, "region": workspace.connection.target.region}
    comments = [
        f"{address} is left out: {reason}; if this workspace owns it, an apply of this file deletes it"
        for address, reason in result.left_out.items()
    ]
    parts = (render_workspace_table(values), render_tables(result.tables), render_comments(comments))
    return "\n".join(part for part in parts if part)
