"""`reconciler adopt`: import unmanaged resources into the workspace and its file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.fleet_files import as_fleet_option, write_fleets
from reconciler.cli.options import (
    Options,
    add_common_options,
    complete_addresses,
    no_journal_option,
    pem_dir_option,
    validate_adopted,
    yes_option,
)

if TYPE_CHECKING:
    from reconciler.cli.terminal import Terminal
    from reconciler.engine.export.export import Table
    from reconciler.model.address import Address
    from reconciler.workspace import Workspace


@click.command()
@add_common_options()
@add_environment_options
@click.option("--all", "adopt_all", is_flag=True, help="Import everything that no workspace manages.")
@pem_dir_option
@as_fleet_option
@no_journal_option
@yes_option
@click.argument(
    "selectors",
    nargs=-1,
    callback=validate_adopted,
    shell_complete=complete_addresses,
    metavar="[ADDRESS|GLOB]...",
)
@click.pass_context
def adopt(  # noqa: PLR0913 (its options)
    ctx: click.Context,
    selectors: Sequence[str],
    pem_dir: Path | None,
    *,
    adopt_all: bool,
    as_fleet: bool,
    yes: bool,
) -> None:
    """Import existing resources into this workspace.

    ADDRESS is a kind and a name, such as things.pump-1; of a resource that the file does not declare, the name or the ID in AWS.
    GLOB, such as 'things.pump-*', or a kind selects all unmanaged resources that it matches.
    Resources that the file does not declare yet are added at its end, as they are. A resource that the file declares is changed
    where it differs, and some changes replace it: read the plan before you approve it.
    """
    from reconciler.cli.applying import apply_and_report
    from reconciler.cli.planning import build_plan, print_plan
    from reconciler.cli.prompt import confirm
    from reconciler.cli.terminal import Terminal
    from reconciler.render.views.labels import pluralize

    if adopt_all == bool(selectors):
        raise click.UsageError("name what to adopt: addresses, globs or kinds, or --all for everything", ctx)
    options = Options.from_context(ctx)
    terminal = Terminal(color=options.color)
    workspace = options.open_workspace()
    declared_addresses, tables = _find_adoptable(workspace, selectors or ("*",), pem_dir, terminal)
    addresses_to_adopt = [str(address) for address in declared_addresses]
    addresses_to_adopt += [str(table.address) for table in tables]
    with _append_to_file(workspace, tables, terminal, as_fleet=as_fleet):
        workspace = options.open_workspace()  # loads the file again, with the new tables
        plan = build_plan(workspace, terminal, adopt=addresses_to_adopt, only_adopted=True)
        print_plan(workspace, plan, terminal)
        confirm(f"Adopt {pluralize(len(addresses_to_adopt), 'resource')} on {plan.target.endpoint}?", yes=yes)
    apply_and_report(ctx, workspace, plan, terminal, "adopt")


def _find_adoptable(
    workspace: Workspace, selectors: Sequence[str], pem_dir: Path | None, terminal: Terminal
) -> tuple[Sequence[Address], Sequence[Table]]:
    """Return the declared resources to import, and a TOML table for each undeclared one.

    Raises ClickException, with every reason, if a resource that was named by its address cannot be exported, or if nothing is left.
    """
    from reconciler.engine.export.adoptable import find_adoptable
    from reconciler.engine.export.append import choose_file_for_new_tables
    from reconciler.engine.export.export import export_undeclared_tables, read_inventory
    from reconciler.engine.export.files import build_pem_writer
    from reconciler.model.text import quote_if_unsafe

    state = workspace.desired
    inventory = read_inventory(state, workspace.connection.call)
    adoptable = find_adoptable(state, inventory, selectors)
    write_pem = build_pem_writer(pem_dir, choose_file_for_new_tables(workspace.path).parent)
    export = export_undeclared_tables(state, inventory, adoptable.undeclared, write_pem)
    reasons = [
        f"{quote_if_unsafe(str(address))}: {reason}" for address, reason in sorted(export.left_out.items())
    ]
    is_empty = not export.tables and not adoptable.declared
    if is_empty or not adoptable.named.isdisjoint(export.left_out):
        raise click.ClickException("\n".join(["nothing was adopted", *reasons]))
    for reason in reasons:
        terminal.print_notes(f"left out {reason}")
    return adoptable.declared, export.tables


@contextmanager
def _append_to_file(
    workspace: Workspace, tables: Sequence[Table], terminal: Terminal, *, as_fleet: bool
) -> Iterator[None]:
    """Append the tables to the file, and restore the file if an exception leaves the context.

    The context ends as soon as the user has approved the plan, so the file keeps the tables even if the apply fails.
    """
    from reconciler.engine.export.append import append_text, choose_file_for_new_tables
    from reconciler.engine.export.toml_writer import render_tables
    from reconciler.render.views.labels import pluralize

    if not tables:
        yield
        return
    file = choose_file_for_new_tables(workspace.path)
    with (
        write_fleets(file, tables, as_fleet=as_fleet) as written_tables,
        append_text(file, render_tables(written_tables)),
    ):
        terminal.print_notes(f"adding {pluralize(len(written_tables), 'table')} at the end of {file}")
        yield
