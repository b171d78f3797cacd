"""`reconciler export`: live resources as a desired-state file."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.fleet_files import as_fleet_option, write_fleets
from reconciler.cli.options import Options, UserPath, add_common_options, pem_dir_option
from reconciler.cli.terminal import echo

if TYPE_CHECKING:
    from reconciler.engine.export.export import Export, Table
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
@add_environment_options
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
    type=UserPath(),
    metavar="FILE",
    help="Write to this file, which must not exist (default: stdout).",
)
@pem_dir_option
@as_fleet_option
@click.argument("selectors", nargs=-1, metavar="[ADDRESS|GLOB]...")
@click.pass_context
def export(  # noqa: PLR0913 (its options)
    ctx: click.Context,
    kinds: Sequence[str],
    out: Path | None,
    pem_dir: Path | None,
    selectors: Sequence[str],
    *,
    as_fleet: bool,
) -> None:
    """Export live resources as a desired-state file.

    ADDRESS or GLOB selects resources, such as things.pump-1 or 'things.pump-*'; a kind selects all of that kind (default: all).

    Resources of other workspaces are left out. Resources that no workspace owns are exported, and counted on stderr, with the
    command that imports them. With --as-fleet, alike devices share tables with `for_each`, and have a row each in a CSV file
    next to --out.
    """
    from reconciler.engine.export.files import build_pem_writer, export_selected
    from reconciler.render.views.labels import pluralize

    if out is not None and out.exists():
        raise click.ClickException(f"{out}: file already exists and was not overwritten; choose another name")
    if as_fleet and out is None:
        raise click.UsageError(
            "--as-fleet writes CSV files next to the desired state; name it with --out", ctx
        )
    workspace = Options.from_context(ctx).open_workspace()
    write_pem = build_pem_writer(pem_dir, out.parent if out else Path())
    result = export_selected(workspace.desired, workspace.connection.call, (*kinds, *selectors), write_pem)
    if out is None:
        click.echo(_render_file(workspace, result, result.tables), nl=False)
    else:
        with write_fleets(out, result.tables, as_fleet=as_fleet) as tables:
            from reconciler.engine.durable_files import name_file_in_errors

            with name_file_in_errors(out):
                out.write_text(_render_file(workspace, result, tables), encoding="utf-8")
        echo(f"wrote {out}: {pluralize(len(result.tables), 'resource')}", stderr=True)
    if not result.tables:
        echo(f"nothing to export: {_describe_empty(result)}", stderr=True)
    for line in _describe_unmanaged(result, out, (*kinds, *selectors)):
        echo(line, stderr=True)
    for address, reason in result.left_out.items():
        echo(f"left out {address}: {reason}", stderr=True)


def _describe_empty(result: Export) -> str:
    if result.left_out:
        return "every resource was left out"
    return "the account has no resources except those of other workspaces"


def _describe_unmanaged(result: Export, out: Path | None, patterns: Sequence[str]) -> Iterator[str]:
    """Yield which exported resources are not managed yet, by kind, and the command that imports them."""
    from reconciler.kinds import all_kinds
    from reconciler.model.text import join_some
    from reconciler.render.views.labels import pluralize

    if not result.unmanaged:
        return
    yield f"not managed yet: {pluralize(len(result.unmanaged), 'resource')}"
    for table in all_kinds():
        addresses = [str(address) for address in result.unmanaged if address.kind == table]
        if addresses:
            yield f"  {table} ({len(addresses):,}): {join_some(addresses)}"
    yield f"to import {'it' if len(result.unmanaged) == 1 else 'them'}, run `{_format_import_command(result, out, patterns)}`"


def _format_import_command(result: Export, out: Path | None, patterns: Sequence[str]) -> str:
    """Return the command that imports the exported resources.

    The exported file is applied only if it has everything that the workspace owns: an apply deletes the rest.
    """
    if out is not None and result.has_all_owned:
        return f"reconciler -f {shlex.quote(str(out))} apply --adopt '*'"
    return f"reconciler adopt {' '.join(map(shlex.quote, patterns)) if patterns else '--all'}"


def _render_file(workspace: Workspace, result: Export, tables: Sequence[Table]) -> str:
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
    parts = (render_workspace_table(values), render_tables(tables), render_comments(comments))
    return "\n".join(part for part in parts if part)
