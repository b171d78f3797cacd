"""`reconciler show`: one resource as the file wants it and as the registry has it, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.commands.plan import FORMATS
from reconciler.cli.options import Options, checked, common, complete, selecting

if TYPE_CHECKING:
    from rich.text import Text

    from reconciler.cli.terminal import Terminal
    from reconciler.render.rich_display import DisplayedResource


def _address_or_file(ctx: click.Context, parameter: click.Parameter, given: str | None) -> Path | str | None:
    """A file that is there, unless it has the name of an address of ours."""
    from reconciler.kinds import all_kinds

    if given is None:
        return None
    if given.partition(".")[0] not in all_kinds() and Path(given).is_file():
        return Path(given)
    address: str = checked(ctx, parameter, given)
    return address


@click.command()
@common()
@selecting
@click.option("--calls", is_flag=True, help="Of a saved plan, list the API calls of every step.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    help="How a saved plan is shown; resources are shown as text.",
)
@click.argument("what", metavar="ADDRESS", required=False, callback=_address_or_file, shell_complete=complete)
@click.pass_context
def show(  # noqa: PLR0913 (its options)
    ctx: click.Context,
    what: Path | str | None,
    select: Sequence[str],
    exclude: Sequence[str],
    form: str,
    *,
    calls: bool,
) -> None:
    """Compare resources with what is there, or show a plan that was saved.

    ADDRESS is one resource, or else a file that `reconciler plan --out` wrote; --select names several resources.
    """
    from reconciler.cli.terminal import Terminal

    options = Options.of(ctx)
    terminal = Terminal.open(color=options.color)
    if isinstance(what, Path):
        _saved(what, terminal, form, calls=calls)
    elif calls or form != "text":
        raise click.UsageError("resources are shown as text; --format and --calls are for a saved plan", ctx)
    elif what and (select or exclude):
        raise click.UsageError("name an ADDRESS or select, not both", ctx)
    elif what:
        _one(what, options, terminal)
    elif select or exclude:
        _selected(options, terminal, select, exclude)
    else:
        raise click.UsageError("missing argument 'ADDRESS'", ctx)


def _one(address: str, options: Options, terminal: Terminal) -> None:
    from reconciler.workspace import Workspace

    terminal.tell(_lines(Workspace(options.file).show(address), terminal))


def _selected(options: Options, terminal: Terminal, select: Sequence[str], exclude: Sequence[str]) -> None:
    from rich.text import Text

    from reconciler.workspace import Workspace

    for index, resource in enumerate(Workspace(options.file).show_selected(select, exclude)):
        terminal.tell([*([Text()] if index else []), *_lines(resource, terminal)])


def _lines(resource: DisplayedResource, terminal: Terminal) -> Iterable[Text]:
    from reconciler.render.text.comparison import render_comparison_text
    from reconciler.render.views.comparison import build_comparison_view

    view = build_comparison_view(resource.address, resource.desired, resource.live, resource.change)
    return render_comparison_text(view, terminal.out.width)


def _saved(file: Path, terminal: Terminal, form: str, *, calls: bool) -> None:
    """A saved plan, from the file alone: whether it still holds is asked by its apply."""
    from reconciler.cli.commands.plan import picture
    from reconciler.render.json.plan_file import parse_plan_file
    from reconciler.render.json.plan_lines import render_record_jsonl
    from reconciler.render.views.plan import remove_requests

    raw = file.read_bytes()
    document = parse_plan_file(raw)
    if form == "json":
        click.echo(raw.decode(), nl=False)
    elif form == "jsonl":
        for line in render_record_jsonl(document):
            click.echo(line, nl=False)
    else:
        picture(document.view if calls else remove_requests(document.view), terminal, form)
