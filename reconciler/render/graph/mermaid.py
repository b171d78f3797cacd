"""The graph in Mermaid's language, which GitHub and GitLab draw in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.render.graph.palette import compute_color
from reconciler.render.graph.picture import GraphNode, Picture
from reconciler.render.views.plan import ACTION_GLYPHS, format_kind, get_kind_position

_PLAIN = frozenset(" -_./:,")


def render_mermaid(picture: Picture) -> str:
    """The whole document."""
    return "\n".join(["flowchart LR", *_body(picture), ""])


def _body(picture: Picture) -> Iterator[str]:
    names = {node.id: f"n{place}" for place, node in enumerate(picture.nodes)}
    for node in picture.nodes:
        yield f'  {names[node.id]}("{_words(node)}"):::k{get_kind_position(node.kind)}'
    for edge in picture.edges:
        many = f"|{edge.count:,}|" if edge.count > 1 else ""
        yield f"  {names[edge.before]} -->{many} {names[edge.after]}"
    for kind in picture.kinds:
        at = get_kind_position(kind)
        fill = compute_color(at, lightness=0.95, chroma=0.03)
        yield f"  classDef k{at} fill:{fill},stroke:{compute_color(at)},color:#1b1f24"


def _words(node: GraphNode) -> str:
    action = f"{ACTION_GLYPHS[node.action]} {node.action}" if node.action else ""
    what = format_kind(node.kind) if node.count == 1 else ""
    return "<br>".join(_safe(part) for part in (node.label, what, action) if part)


def _safe(text: str) -> str:
    """Mermaid reads html and Markdown in labels; everything but letters, digits and a few marks becomes an entity."""
    return "".join(mark if mark.isalnum() or mark in _PLAIN else f"#{ord(mark)};" for mark in text)
