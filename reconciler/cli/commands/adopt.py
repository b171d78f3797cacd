"""`reconciler adopt`: what exists without the workspace's mark becomes the workspace's, in the file and in the registry."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import click

from reconciler.cli.options import Options, answering, checked, common, complete


@click.command()
@common()
@click.option(
    "--pem-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write certificates as files into this folder, instead of into the text.",
)
@answering
@click.argument(
    "addresses", nargs=-1, required=True, callback=checked, shell_complete=complete, metavar="ADDRESS..."
)
@click.pass_context
def adopt(ctx: click.Context, addresses: Sequence[str], pem_dir: Path | None, *, yes: bool) -> None:
    """Take over what exists without a mark; what the file does not have is put at its end."""
    from reconciler.cli import exit_codes
    from reconciler.cli.commands.apply import agreed, run
    from reconciler.cli.commands.plan import make, show
    from reconciler.cli.terminal import Terminal
    from reconciler.engine.export.append import appended, home
    from reconciler.engine.export.files import export_undeclared, keeping
    from reconciler.engine.export.toml_writer import text_of
    from reconciler.model.address import Address
    from reconciler.render.views.plan import pluralize
    from reconciler.workspace import Workspace

    options = Options.of(ctx)
    terminal = Terminal.open(color=options.color)
    workspace = Workspace(options.file)
    said = [Address.parse(each) for each in dict.fromkeys(addresses)]
    wanted = [address for address in said if address in workspace.desired.resources]
    file = home(workspace.path)
    writing: AbstractContextManager[None] = nullcontext()
    if len(wanted) < len(said):
        keep = keeping(pem_dir, file.parent)
        found = export_undeclared(workspace.desired, workspace.connection.call, set(said) - set(wanted), keep)
        if found.left_out:
            told = (f"{address}: {why}" for address, why in sorted(found.left_out.items()))
            raise click.ClickException("nothing is adopted\n" + "\n".join(told))
        wanted += [table.address for table in found.tables]
        writing = appended(file, text_of(found.tables))
        terminal.remark(f"{file} gets {pluralize(len(found.tables), 'table')} at its end")
    with writing:
        workspace = Workspace(options.file)
        only = [*map(str, wanted)]
        made = make(workspace, terminal, adopt=only, select=only)
        show(workspace, made, terminal)
        if not yes and not agreed(f"Adopt {len(wanted)} on {made.target.endpoint}? Type yes", "yes"):
            raise click.exceptions.Exit(exit_codes.REFUSED)
    run(ctx, workspace, made, terminal, "adopt")
