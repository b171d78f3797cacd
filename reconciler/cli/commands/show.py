"""`reconciler show`: resources, desired and live side by side, or a saved plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import (
    Options,
    add_common_options,
    add_selection_options,
    complete_addresses,
    format_option,
    full_option,
    validate_addresses,
)

if TYPE_CHECKING:
    from rich.text import Text

    from reconciler.cli.terminal import Terminal
    from reconciler.render.displayed_values import DisplayedResource


def _parse_subject(ctx: click.Context, parameter: click.Parameter, value: str | None) -> Path | str | None:
    """Return the path of an existing file, else an address, or None without a value.

    A value that begins with a kind, such as `things.pump-1`, is always an address, even if there is such a file.
    """
    from reconciler.engine.plan.address_patterns import is_pattern
    from reconciler.kinds import all_kinds

    if value is None:
        return None
    if is_pattern(value):
        raise click.UsageError(f"{value!r} is not one address; show several with --select {value!r}", ctx)
    if value.partition(".")[0] not in all_kinds() and Path(value).is_file():
        return Path(value)
    try:
        address: str = validate_addresses(ctx, parameter, value)
    except click.BadParameter as error:
        error.param_hint = "'ADDRESS'"  # instead of the parameter's name, SUBJECT
        raise
    return address


@click.command()
@add_common_options()
@add_environment_options
@add_selection_options
@click.option(
    "--calls",
    is_flag=True,
    help="List the API calls of every step of a saved plan, with their parameters in full.",
)
@full_option
@format_option
@click.argument(
    "subject",
    metavar="[ADDRESS|FILE]",
    required=False,
    callback=_parse_subject,
    shell_complete=complete_addresses,
)
@click.pass_context
def show(  # noqa: PLR0913 (its options)
    ctx: click.Context,
    subject: Path | str | None,
    select: Sequence[str],
    exclude: Sequence[str],
    output_format: str,
    *,
    calls: bool,
    full: bool,
) -> None:
    """Show a resource, desired and live, or a saved plan.

    ADDRESS is one resource, with what AWS reports about it that no file declares, such as a managed thing's connection; its formats
    are text and json. --select shows several. FILE is a plan written by `reconciler plan --out`; --calls, --full and the other
    formats are for saved plans only.
    """
    from reconciler.cli.terminal import Terminal

    options = Options.from_context(ctx)
    terminal = Terminal(color=options.color)
    if isinstance(subject, Path):
        _print_saved_plan(subject, terminal, output_format, calls=calls, full=full)
    elif calls or full or output_format not in {"text", "json"}:
        raise click.UsageError(
            "--calls, --full and this format are only for a saved plan; name its FILE", ctx
        )
    elif output_format == "json" and not subject:
        raise click.UsageError("--format json is only for one ADDRESS or a saved plan; name one", ctx)
    elif subject and (select or exclude):
        raise click.UsageError("ADDRESS cannot be combined with --select or --exclude", ctx)
    elif subject:
        _print_resource(subject, options, terminal, output_format)
    elif select or exclude:
        _print_selected(options, terminal, select, exclude)
    else:
        raise click.UsageError("nothing to show; name an ADDRESS or a FILE, or use --select", ctx)


def _print_resource(address: str, options: Options, terminal: Terminal, output_format: str) -> None:
    from reconciler.render.json.resource_file import render_resource_json

    resource = options.open_workspace().show(address)
    if output_format == "json":
        document = render_resource_json(
            resource.address, resource.desired, resource.live, resource.change, resource.status
        )
        for piece in document:
            click.echo(piece, nl=False)
    else:
        terminal.print(_render_lines(resource, terminal))


def _print_selected(
    options: Options, terminal: Terminal, select: Sequence[str], exclude: Sequence[str]
) -> None:
    from rich.text import Text

    for index, resource in enumerate(options.open_workspace().show_selected(select, exclude)):
        if index:
            terminal.print([Text()])  # an empty line between two resources
        terminal.print(_render_lines(resource, terminal))


def _render_lines(resource: DisplayedResource, terminal: Terminal) -> Iterable[Text]:
    from reconciler.render.text.comparison import render_comparison_text
    from reconciler.render.views.comparison import build_comparison_view

    view = build_comparison_view(
        resource.address, resource.desired, resource.live, resource.change, resource.status
    )
    return render_comparison_text(view, terminal.width)


def _print_saved_plan(file: Path, terminal: Terminal, output_format: str, *, calls: bool, full: bool) -> None:
    """Print a saved plan from its file only; whether it still holds is checked when it is applied."""
    from reconciler.cli.planning import print_plan_view
    from reconciler.cli.terminal import write_pieces
    from reconciler.render.json.plan_file import parse_plan_file
    from reconciler.render.json.plan_lines import render_record_jsonl
    from reconciler.render.views.plan import remove_requests

    content = file.read_bytes()
    document = parse_plan_file(content)
    if output_format == "json":
        click.echo(content, nl=False)
    elif output_format == "jsonl":
        write_pieces(render_record_jsonl(document))
    else:
        view = document.view if calls else remove_requests(document.view)
        print_plan_view(view, terminal, output_format, full=calls or full)
