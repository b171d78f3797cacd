"""`reconciler adopt`: import unmanaged resources into the workspace and its file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import (
    Options,
    add_common_options,
    complete_addresses,
    pem_dir_option,
    validate_addresses,
    yes_option,
)

if TYPE_CHECKING:
    from reconciler.cli.terminal import Terminal
    from reconciler.engine.export.export import Table
    from reconciler.model.address import Address
    from reconciler.workspace import Workspace


@click.command()
@add_common_options()
@pem_dir_option
@yes_option
@click.argument(
    "addresses",
    nargs=-1,
    required=True,
    callback=validate_addresses,
    shell_complete=complete_addresses,
    metavar="ADDRESS...",
)
@click.pass_context
def adopt(ctx: click.Context, addresses: Sequence[str], pem_dir: Path | None, *, yes: bool) -> None:
    """Import existing resources into this workspace.

    ADDRESS is a kind and a name, such as things.pump-1; of a resource that the file does not declare, the name or the ID in AWS.
    Resources that the file does not declare yet are added at its end, as they are. A resource that the file declares is changed
    where it differs, and some changes replace it: read the plan before you approve it.
    """
    from reconciler.cli.applying import apply_and_report
    from reconciler.cli.planning import build_plan, print_plan
    from reconciler.cli.prompt import confirm
    from reconciler.cli.terminal import Terminal
    from reconciler.model.address import Address
    from reconciler.render.views.labels import pluralize
    from reconciler.workspace import Workspace

    options = Options.from_context(ctx)
    terminal = Terminal.open(color=options.color)
    workspace = Workspace(options.file)
    requested_addresses = [Address.parse(address) for address in dict.fromkeys(addresses)]
    declared_addresses = [
        address for address in requested_addresses if address in workspace.desired.resources
    ]
    tables = _export_tables(workspace, set(requested_addresses) - set(declared_addresses), pem_dir)
    addresses_to_adopt = [
        str(address) for address in (*declared_addresses, *(table.address for table in tables))
    ]
    with _append_to_file(workspace, tables, terminal):
        workspace = Workspace(options.file)  # loads the file again, with the new tables
        plan = build_plan(workspace, terminal, adopt=addresses_to_adopt, select=addresses_to_adopt)
        print_plan(workspace, plan, terminal)
        confirm(f"Adopt {pluralize(len(addresses_to_adopt), 'resource')} on {plan.target.endpoint}?", yes=yes)
    apply_and_report(ctx, workspace, plan, terminal, "adopt")


def _export_tables(
    workspace: Workspace, addresses: Collection[Address], pem_dir: Path | None
) -> Sequence[Table]:
    """Return a TOML table for each address, with the values of its live resource.

    Raises ClickException, with every reason, if a resource cannot be exported.
    """
    from reconciler.engine.export.append import choose_file_for_new_tables
    from reconciler.engine.export.files import build_pem_writer, export_undeclared

    if not addresses:
        return ()
    write_pem = build_pem_writer(pem_dir, choose_file_for_new_tables(workspace.path).parent)
    export = export_undeclared(workspace.desired, workspace.connection.call, addresses, write_pem)
    if export.left_out:
        reasons = (f"{address}: {reason}" for address, reason in sorted(export.left_out.items()))
        raise click.ClickException("nothing was adopted\n" + "\n".join(reasons))
    return export.tables


def _append_to_file(
    workspace: Workspace, tables: Sequence[Table], terminal: Terminal
) -> AbstractContextManager[None]:
    """Append the tables to the file, and restore the file if an exception leaves the context.

    The context ends as soon as the user has approved the plan, so the file keeps the tables even if the apply fails.
    """
    from reconciler.engine.export.append import append_text, choose_file_for_new_tables
    from reconciler.engine.export.toml_writer import render_tables
    from reconciler.render.views.labels import pluralize

    if not tables:
        return nullcontext()
    file = choose_file_for_new_tables(workspace.path)
    terminal.print_notes(f"adding {pluralize(len(tables), 'table')} at the end of {file}")
    return append_text(file, render_tables(tables))
