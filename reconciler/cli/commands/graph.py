"""`reconciler graph`: what needs what, as a tree in the terminal or as a picture in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Options, common, selecting

if TYPE_CHECKING:
    from reconciler.cli.terminal import Terminal
    from reconciler.render.graph.picture import Picture
    from reconciler.workspace import Workspace

_FORMATS = ("tree", "svg", "dot", "mermaid")
_SUFFIXES: Mapping[str, str] = {
    ".svg": "svg",
    ".dot": "dot",
    ".gv": "dot",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
}


@click.command()
@common()
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), help="Else what --out's suffix says, else a tree."
)
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@selecting
@click.option("--plan", "planned", is_flag=True, help="Read the registry and colour by what would be done.")
@click.pass_context
def graph(  # noqa: PLR0913 (its options)
    ctx: click.Context,
    form: str | None,
    out: Path | None,
    select: Sequence[str],
    exclude: Sequence[str],
    *,
    planned: bool,
) -> None:
    """Show what needs what."""
    from reconciler.cli.terminal import Terminal
    from reconciler.workspace import Workspace

    options = Options.of(ctx)
    form = form or _guess(out)
    terminal = Terminal.open(color=options.color)
    picture = _picture(Workspace(options.file), terminal, select, exclude, planned=planned)
    if form == "tree" and out is None:
        from reconciler.render.graph.tree import render_tree

        terminal.tell(render_tree(picture, ascii_only=not (terminal.out.encoding or "").startswith("utf")))
        return
    drawn = _drawn(picture, form)
    if out is None:
        click.echo(drawn, nl=False)
    else:
        out.write_text(drawn, encoding="utf-8")
        click.echo(f"wrote {out}", err=True)


def _guess(out: Path | None) -> str:
    if out is None:
        return "tree"
    if found := _SUFFIXES.get(out.suffix.lower()):
        return found
    if out.suffix.lower() in ("", ".txt"):
        return "tree"
    raise click.ClickException(f"{out} tells no format; say --format {'|'.join(_FORMATS)}")


def _picture(
    workspace: Workspace,
    terminal: Terminal,
    select: Sequence[str],
    exclude: Sequence[str],
    *,
    planned: bool,
) -> Picture:
    from reconciler.cli.commands.plan import make
    from reconciler.render.graph.picture import build_picture

    desired = workspace.desired
    made = make(workspace, terminal) if planned else None
    return build_picture(
        workspace.graph(select, exclude), desired.resources, made, title=desired.settings.name
    )


def _drawn(picture: Picture, form: str) -> str:
    """Every picture but the tree is collapsed by kind and action when it is too large to read."""
    from reconciler.render.graph.dot import render_dot
    from reconciler.render.graph.mermaid import render_mermaid
    from reconciler.render.graph.svg import render_svg
    from reconciler.render.graph.tree import render_tree

    match form:
        case "svg":
            return render_svg(picture.readable())
        case "dot":
            return render_dot(picture.readable())
        case "mermaid":
            return render_mermaid(picture.readable())
        case _:
            return "".join(f"{line.plain}\n" for line in render_tree(picture))
