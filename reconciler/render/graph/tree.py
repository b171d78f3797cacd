"""The graph as a text tree: every resource once, other needs named beside it.

It stands under what it needs of the same name, as the parts of one device have; else under what comes last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen
from rich.text import Text

from reconciler.render.graph.palette import compute_color
from reconciler.render.graph.picture import GraphNode, Picture, map_neighbors
from reconciler.render.text.plan import COLORS
from reconciler.render.views.plan import ACTION_GLYPHS, format_kind, get_kind_position, pluralize


@frozen
class _Lines:
    """What the branches are made of."""

    fork: str
    last: str
    through: str
    empty: str


_DRAWN = _Lines("├─ ", "└─ ", "│  ", "   ")
_ASCII = _Lines("|- ", "`- ", "|  ", "   ")


def render_tree(picture: Picture, *, ascii_only: bool = False) -> Iterator[Text]:
    """A line for each resource, and what the colours do not say in words."""
    nodes = {node.id: node for node in picture.nodes}
    later, earlier = map_neighbors(picture.edges)
    depth = _depths(picture, earlier)
    parent = {
        name: max(
            earlier.get(name, ()), key=lambda need: _closeness(node, nodes[need], depth[need]), default=None
        )
        for name, node in nodes.items()
    }
    children: dict[str | None, list[str]] = {}
    for name in nodes:
        children.setdefault(parent[name], []).append(name)
    yield Text(picture.title, "bold")
    lines = _ASCII if ascii_only else _DRAWN
    stack = [("", place == 0, name) for place, name in enumerate(reversed(children.get(None, [])))]
    while stack:
        before, last, name = stack.pop()
        others = [need for need in earlier.get(name, ()) if need != parent[name] and not nodes[need].implied]
        node = nodes[name]
        said = _label(node, others, len(later.get(name, ())) if node.implied else 0)
        yield Text.assemble((before + (lines.last if last else lines.fork), "dim"), said)
        below = before + (lines.empty if last else lines.through)
        stack += [(below, place == 0, child) for place, child in enumerate(reversed(children.get(name, [])))]
    yield Text()
    yield Text(
        f"{pluralize(picture.total, 'resource')}, {pluralize(len(picture.edges), 'dependency').replace('ys', 'ies')}",
        "dim",
    )


def _closeness(node: GraphNode, need: GraphNode, depth: int) -> tuple[bool, bool, int, int, str]:
    return not need.implied, need.label == node.label, depth, get_kind_position(need.kind), need.id


def _label(node: GraphNode, others: list[str], marked: int) -> Text:
    said = Text()
    if node.action:
        said.append(f"{ACTION_GLYPHS[node.action]} {node.action} ", f"bold {COLORS[node.action]}")
    said.append(node.label, "bold")
    said.append(f"  {format_kind(node.kind)}", compute_color(get_kind_position(node.kind)))
    if node.implied:
        said.append(f"  marks what the workspace owns, {pluralize(marked, 'member')}", "dim")
    if others:
        said.append(f"  also needs {', '.join(sorted(others))}", "dim")
    return said


def _depths(picture: Picture, earlier: Mapping[str, list[str]]) -> Mapping[str, int]:
    """How long the longest chain is that leads to each node."""
    from graphlib import TopologicalSorter

    depth: dict[str, int] = {}
    order = TopologicalSorter({node.id: earlier.get(node.id, []) for node in picture.nodes})
    for name in order.static_order():
        depth[name] = 1 + max((depth[need] for need in earlier.get(name, ())), default=-1)
    return depth
