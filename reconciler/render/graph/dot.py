"""The graph in Graphviz's language."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.render.graph.palette import compute_color
from reconciler.render.graph.picture import GraphNode, Picture
from reconciler.render.views.plan import ACTION_GLYPHS, format_kind, get_kind_position


def render_dot(picture: Picture) -> str:
    """The whole document."""
    return "\n".join(["digraph reconciler {", *_body(picture), "}", ""])


def _body(picture: Picture) -> Iterator[str]:
    yield f'  graph [label={_quoted(picture.title)}, labelloc=t, rankdir=LR, fontname="sans-serif"];'
    yield '  node [shape=box, style="rounded,filled", fontname="sans-serif", fontsize=11];'
    yield '  edge [color="#98a1ab", arrowsize=0.7];'
    for node in picture.nodes:
        at = get_kind_position(node.kind)
        yield (
            f"  {_quoted(node.id)} [label={_quoted(*_words(node))}, color={_quoted(compute_color(at))}, "
            f"fillcolor={_quoted(compute_color(at, lightness=0.95, chroma=0.03))}];"
        )
    for edge in picture.edges:
        many = f" [label={_quoted(f'{edge.count:,}')}]" if edge.count > 1 else ""
        yield f"  {_quoted(edge.before)} -> {_quoted(edge.after)}{many};"


def _words(node: GraphNode) -> tuple[str, ...]:
    action = f"{ACTION_GLYPHS[node.action]} {node.action}" if node.action else ""
    what = format_kind(node.kind) if node.count == 1 else ""
    return tuple(part for part in (node.label, what, action) if part)


def _quoted(*lines: str) -> str:
    """A quoted string, its lines centred; only the quote and the backslash mean anything in one."""
    from reconciler.model.text import visible

    safe = (visible(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(safe) + '"'
