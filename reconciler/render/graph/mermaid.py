"""The graph in Mermaid's language, which GitHub and GitLab draw in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.render.graph.palette import color
from reconciler.render.graph.picture import Node, Picture
from reconciler.render.views.plan import GLYPHS, noun, position

_PLAIN = frozenset(" -_./:,")


def draw(picture: Picture) -> str:
    """The whole document."""
    return "\n".join(["flowchart LR", *_body(picture), ""])


def _body(picture: Picture) -> Iterator[str]:
    names = {node.id: f"n{place}" for place, node in enumerate(picture.nodes)}
    for node in picture.nodes:
        yield f'  {names[node.id]}("{_words(node)}"):::k{position(node.kind)}'
    for edge in picture.edges:
        many = f"|{edge.count:,}|" if edge.count > 1 else ""
        yield f"  {names[edge.before]} -->{many} {names[edge.after]}"
    for kind in picture.kinds:
        at = position(kind)
        fill = color(at, lightness=0.95, chroma=0.03)
        yield f"  classDef k{at} fill:{fill},stroke:{color(at)},color:#1b1f24"


def _words(node: Node) -> str:
    action = f"{GLYPHS[node.action]} {node.action}" if node.action else ""
    what = noun(node.kind) if node.count == 1 else ""
    return "<br>".join(_safe(part) for part in (node.label, what, action) if part)


def _safe(text: str) -> str:
    """Mermaid reads html and Markdown in labels; everything but letters, digits and a few marks becomes an entity."""
    return "".join(mark if mark.isalnum() or mark in _PLAIN else f"#{ord(mark)};" for mark in text)
