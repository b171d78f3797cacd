"""The dependency graph in Graphviz's DOT language."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.text import escape_invisible
from reconciler.render.graph.palette import compute_color
from reconciler.render.graph.picture import GraphNode, Picture
from reconciler.render.views.labels import ACTION_GLYPHS, format_kind, get_kind_position


def render_dot(picture: Picture) -> str:
    """Render a picture as a DOT document."""
    return "\n".join(["digraph reconciler {", *_render_body(picture), "}", ""])


def _render_body(picture: Picture) -> Iterator[str]:
    yield f'  graph [label={_quote(picture.title)}, labelloc=t, rankdir=LR, fontname="sans-serif"];'
    yield '  node [shape=box, style="rounded,filled", fontname="sans-serif", fontsize=11];'
    yield '  edge [color="#98a1ab", arrowsize=0.7];'
    for node in picture.nodes:
        position = get_kind_position(node.kind)
        fill_color = compute_color(position, lightness=0.95, chroma=0.03)
        yield (
            f"  {_quote(node.id)} [label={_quote(*_list_label_lines(node))}, color={_quote(compute_color(position))}, "
            f"fillcolor={_quote(fill_color)}];"
        )
    for edge in picture.edges:
        count = f" [label={_quote(f'{edge.count:,}')}]" if edge.count > 1 else ""
        yield f"  {_quote(edge.before)} -> {_quote(edge.after)}{count};"


def _list_label_lines(node: GraphNode) -> tuple[str, ...]:
    action = f"{ACTION_GLYPHS[node.action]} {node.action}" if node.action else ""
    kind = format_kind(node.kind) if node.count == 1 else ""
    return tuple(label for label in (node.label, kind, action) if label)


def _quote(*lines: str) -> str:
    """Quote lines as one DOT string, each line centered.

    DOT needs an escape only for quotes and backslashes; invisible characters are escaped for the reader.
    """
    escaped = (escape_invisible(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(escaped) + '"'
