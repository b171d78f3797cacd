"""The dependency graph in Mermaid's language, which GitHub and GitLab draw in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.render.graph.palette import compute_color
from reconciler.render.graph.picture import GraphNode, Picture
from reconciler.render.views.labels import ACTION_GLYPHS, format_kind, get_kind_position

_SAFE_CHARACTERS = frozenset(" -_./:,")


def render_mermaid(picture: Picture) -> str:
    """Render a picture as a Mermaid document."""
    return "\n".join(["flowchart LR", *_render_body(picture), ""])


def _render_body(picture: Picture) -> Iterator[str]:
    names = {node.id: f"n{index}" for index, node in enumerate(picture.nodes)}
    for node in picture.nodes:
        yield f'  {names[node.id]}("{_format_label(node)}"):::k{get_kind_position(node.kind)}'
    for edge in picture.edges:
        count = f"|{edge.count:,}|" if edge.count > 1 else ""
        yield f"  {names[edge.before]} -->{count} {names[edge.after]}"
    for kind in picture.kinds:
        position = get_kind_position(kind)
        fill = compute_color(position, lightness=0.95, chroma=0.03)
        yield f"  classDef k{position} fill:{fill},stroke:{compute_color(position)},color:#1b1f24"


def _format_label(node: GraphNode) -> str:
    action = f"{ACTION_GLYPHS[node.action]} {node.action}" if node.action else ""
    kind = format_kind(node.kind) if node.count == 1 else ""
    return "<br>".join(_escape(part) for part in (node.label, kind, action) if part)


def _escape(text: str) -> str:
    """Escape all but letters, digits and a few other characters as entities.

    Mermaid interprets HTML and Markdown in labels.
    """
    return "".join(
        character if character.isalnum() or character in _SAFE_CHARACTERS else f"#{ord(character)};"
        for character in text
    )
