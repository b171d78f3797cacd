"""`reconciler graph`: the dependency graph, as a tree or as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import Options, add_common_options, add_selection_options, out_option

if TYPE_CHECKING:
    from reconciler.cli.terminal import Terminal
    from reconciler.render.graph.picture import Picture
    from reconciler.workspace import Workspace

_FORMATS = ("tree", "svg", "dot", "mermaid")
_FORMATS_BY_EXTENSION: Mapping[str, str] = {
    "": "tree",
    ".txt": "tree",
    ".svg": "svg",
    ".dot": "dot",
    ".gv": "dot",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
}


@click.command()
@add_common_options()
@add_environment_options
@click.option(
    "--format",
    "output_format",
    type=click.Choice(_FORMATS),
    help="Output format (default: from the --out extension, else tree).",
)
@out_option
@add_selection_options
@click.option(
    "--plan",
    "with_plan",
    is_flag=True,
    help="Read the registry, color each resource by its planned action, and add all resources to remove.",
)
@click.pass_context
def graph(  # noqa: PLR0913 (its options)
    ctx: click.Context,
    output_format: str | None,
    out: Path | None,
    select: Sequence[str],
    exclude: Sequence[str],
    *,
    with_plan: bool,
) -> None:
    """Show the dependency graph as a tree or a picture."""
    from reconciler.cli.terminal import Terminal, echo

    options = Options.from_context(ctx)
    output_format = output_format or _choose_format(out)
    terminal = Terminal(color=options.color)
    picture = _build_picture(
        options.open_workspace(offline=not with_plan), terminal, select, exclude, with_plan=with_plan
    )
    if output_format == "tree" and out is None:
        from reconciler.render.graph.tree import render_tree

        terminal.print(render_tree(picture, ascii_only=not (terminal.out.encoding or "").startswith("utf")))
        return
    text = _draw(picture, output_format)
    if out is None:
        click.echo(text, nl=False)
    else:
        from reconciler.engine.durable_files import name_file_in_errors

        with name_file_in_errors(out):
            out.write_text(text, encoding="utf-8")
        echo(f"wrote {out}", stderr=True)


def _choose_format(out: Path | None) -> str:
    if out is None:
        return "tree"
    if output_format := _FORMATS_BY_EXTENSION.get(out.suffix.lower()):
        return output_format
    raise click.ClickException(
        f"{out}: no format has the extension {out.suffix}; add --format {'|'.join(_FORMATS)}"
    )


def _build_picture(
    workspace: Workspace,
    terminal: Terminal,
    select: Sequence[str],
    exclude: Sequence[str],
    *,
    with_plan: bool,
) -> Picture:
    from reconciler.cli.planning import build_plan
    from reconciler.render.graph.picture import build_picture

    desired = workspace.desired
    plan = build_plan(workspace, terminal) if with_plan else None
    return build_picture(
        workspace.graph(select, exclude), desired.resources, plan, title=desired.settings.name
    )


def _draw(picture: Picture, output_format: str) -> str:
    """Return the picture as text.

    If it has too many nodes to read, all formats but the tree merge them by kind and action.
    """
    from reconciler.render.graph.dot import render_dot
    from reconciler.render.graph.mermaid import render_mermaid
    from reconciler.render.graph.svg import render_svg
    from reconciler.render.graph.tree import render_tree

    match output_format:
        case "svg":
            return render_svg(picture.collapse_if_large())
        case "dot":
            return render_dot(picture.collapse_if_large())
        case "mermaid":
            return render_mermaid(picture.collapse_if_large())
        case _:
            return "".join(f"{line.plain}\n" for line in render_tree(picture))
