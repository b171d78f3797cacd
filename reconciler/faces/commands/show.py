"""`reconciler show`: one resource as the file wants it and as the registry has it, side by side."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import click

from reconciler.faces.commands.options import Options, checked, common, complete


@click.command()
@common()
@click.argument("address", callback=checked, shell_complete=complete)
@click.pass_context
def show(ctx: click.Context, address: str) -> None:
    """Compare one resource with what is there."""
    from reconciler.faces import text_report
    from reconciler.faces.report import comparison
    from reconciler.faces.terminal import Terminal
    from reconciler.faces.workspace import Workspace
    from reconciler.kinds import all_kinds
    from reconciler.model.address import Address

    options = Options.of(ctx)
    workspace = Workspace(options.file)
    at, known = Address.parse(address), workspace.desired.resources
    if at.kind not in all_kinds():
        raise click.ClickException(f"{at.kind!r} is no kind{_nearest(at.kind, all_kinds())}")
    resource, live, change = workspace.inspect(address)
    if resource is None and live is None:
        near = _nearest(address, map(str, known))
        raise click.ClickException(f"{address} is neither in {options.file} nor in the registry{near}")
    terminal = Terminal.open(color=options.color)
    view = comparison(at, resource, live, change)
    terminal.tell(text_report.comparison(view, terminal.out.width))


def _nearest(written: str, valid: Iterable[str]) -> str:
    close = difflib.get_close_matches(written, list(valid), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
