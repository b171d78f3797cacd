"""`reconciler graph`: the dependency graph, as a tree or as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import Options, add_common_options, add_selection_options, out_option

if TYPE_CHECKING:
    from reconciler.cli.terminal import Terminal
    from reconciler.render.graph.dependency_graph import DependencyGraph
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
    """Show the dependency graph as a tree or a picture.

    The tree has all resources. A picture of more than 150 has one node for each kind and action.
    """
    from reconciler.cli.terminal import Terminal, echo, write_pieces

    options = Options.from_context(ctx)
    output_format = output_format or _choose_format(out)
    terminal = Terminal(color=options.color)
    dependency_graph = _build_graph(
        options.open_workspace(offline=not with_plan), terminal, select, exclude, with_plan=with_plan
    )
    if output_format == "tree" and out is None:
        from reconciler.render.graph.tree import render_tree

        ascii_only = not (terminal.out.encoding or "").startswith("utf")
        terminal.print(render_tree(dependency_graph, ascii_only=ascii_only))
        return
    pieces = draw_graph(dependency_graph, output_format)
    if out is None:
        write_pieces(pieces)
    else:
        from reconciler.engine.durable_files import name_file_in_errors

        with name_file_in_errors(out), out.open("w", encoding="utf-8") as file:
            file.writelines(pieces)
        echo(f"wrote {out}", stderr=True)


def _choose_format(out: Path | None) -> str:
    if out is None:
        return "tree"
    if output_format := _FORMATS_BY_EXTENSION.get(out.suffix.lower()):
        return output_format
    raise click.ClickException(
        f"{out}: no format has the extension {out.suffix}; add --format {'|'.join(_FORMATS)}"
    )


def _build_graph(
    workspace: Workspace,
    terminal: Terminal,
    select: Sequence[str],
    exclude: Sequence[str],
    *,
    with_plan: bool,
) -> DependencyGraph:
    from reconciler.cli.planning import build_plan
    from reconciler.engine.plan.selection import select_resources
    from reconciler.render.graph.dependency_graph import DependencyGraph

    desired = workspace.desired
    plan = build_plan(workspace, terminal) if with_plan else None
    return DependencyGraph(
        select_resources(desired.resources, select, exclude), plan, title=desired.settings.name
    )


def draw_graph(dependency_graph: DependencyGraph, output_format: str) -> Iterable[str]:
    """Return the graph as pieces of text: the lines of the tree, or a whole picture."""
    from reconciler.render.graph.dot import render_dot
    from reconciler.render.graph.graph_part import GraphPart
    from reconciler.render.graph.mermaid import render_mermaid
    from reconciler.render.graph.svg import render_svg
    from reconciler.render.graph.tree import render_tree

    if output_format == "tree":
        return (f"{line.plain}\n" for line in render_tree(dependency_graph))
    render = {"svg": render_svg, "dot": render_dot, "mermaid": render_mermaid}[output_format]
    return [render(GraphPart.from_graph(dependency_graph).draw())]
