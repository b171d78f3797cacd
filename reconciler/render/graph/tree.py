"""The dependency graph as a text tree, in which every node of the picture occurs once.

A resource is a child of its dependency with the same name (the parts of one device have one name), or else of the dependency
that itself has the longest chain of dependencies. An ownership marker is a parent only of resources without another dependency.
The line of a resource lists its other dependencies, without ownership markers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter

from rich.text import Text

from reconciler.frozen_classes import frozen
from reconciler.render.graph.palette import compute_color
from reconciler.render.graph.picture import GraphNode, Neighbors, Picture, map_neighbors
from reconciler.render.text.colors import COLORS, QUIET
from reconciler.render.views.labels import ACTION_GLYPHS, format_kind, get_kind_position, pluralize


@frozen
class _Branches:
    """The strings that branches are drawn with."""

    fork: str
    last: str
    through: str
    empty: str


_UNICODE_BRANCHES = _Branches("├─ ", "└─ ", "│  ", "   ")
_ASCII_BRANCHES = _Branches("|- ", "`- ", "|  ", "   ")


def render_tree(picture: Picture, *, ascii_only: bool = False) -> Iterator[Text]:
    """Render a picture as a tree with a line for each node, between the title and the counts."""
    branches = _ASCII_BRANCHES if ascii_only else _UNICODE_BRANCHES
    nodes = {node.id: node for node in picture.nodes}
    dependents, dependencies = map_neighbors(picture.edges)
    parents = _choose_parents(nodes, dependencies)
    children: dict[str | None, list[str]] = {}
    for node_id in nodes:
        children.setdefault(parents[node_id], []).append(node_id)
    yield Text(picture.title, "bold")
    stack = _stack_children(children, None, "")
    while stack:
        prefix, is_last, node_id = stack.pop()
        node = nodes[node_id]
        other_dependencies = [
            dependency
            for dependency in dependencies.get(node_id, ())
            if dependency != parents[node_id] and not nodes[dependency].is_marker
        ]
        branch = branches.last if is_last else branches.fork
        label = _render_label(node, other_dependencies, len(dependents.get(node_id, ())))
        yield Text.assemble((prefix + branch, QUIET), label)
        stack += _stack_children(
            children, node_id, prefix + (branches.empty if is_last else branches.through)
        )
    yield Text()
    counts = f"{pluralize(picture.total, 'resource')}, {pluralize(len(picture.edges), 'dependency')}"
    yield Text(counts, QUIET)


def _stack_children(
    children: Mapping[str | None, list[str]], parent: str | None, prefix: str
) -> list[tuple[str, bool, str]]:
    """Return a node's children as entries for the stack, in reverse, because the last is popped first."""
    child_ids = reversed(children.get(parent, []))
    return [(prefix, index == 0, node_id) for index, node_id in enumerate(child_ids)]


def _choose_parents(nodes: Mapping[str, GraphNode], dependencies: Neighbors) -> Mapping[str, str | None]:
    """Choose each node's parent among its dependencies; None for a node without dependencies."""
    depths = _compute_depths(nodes, dependencies)
    parents: dict[str, str | None] = {}
    for node_id, node in nodes.items():
        candidates = [nodes[dependency] for dependency in dependencies.get(node_id, ())]
        parent = max(
            candidates,
            key=lambda candidate: _rank_parent(node, candidate, depths[candidate.id]),
            default=None,
        )
        parents[node_id] = parent.id if parent else None
    return parents


def _rank_parent(node: GraphNode, candidate: GraphNode, depth: int) -> tuple[bool, bool, int, int, str]:
    has_same_name = candidate.label == node.label
    return not candidate.is_marker, has_same_name, depth, get_kind_position(candidate.kind), candidate.id


def _render_label(node: GraphNode, other_dependencies: list[str], dependent_count: int) -> Text:
    label = Text()
    if node.action:
        label.append(f"{ACTION_GLYPHS[node.action]} {node.action} ", f"bold {COLORS[node.action]}")
    label.append(node.label, "bold")
    if node.count == 1:
        label.append(f"  {format_kind(node.kind)}", compute_color(get_kind_position(node.kind)))
    if node.is_marker:
        label.append(f"  ownership marker of {pluralize(dependent_count, 'resource')}", QUIET)
    if other_dependencies:
        label.append(f"  also depends on {', '.join(sorted(other_dependencies))}", QUIET)
    return label


def _compute_depths(nodes: Mapping[str, GraphNode], dependencies: Neighbors) -> Mapping[str, int]:
    """Compute the length of each node's longest chain of dependencies."""
    depths: dict[str, int] = {}
    order = TopologicalSorter({node_id: dependencies.get(node_id, []) for node_id in nodes})
    for node_id in order.static_order():
        depths[node_id] = 1 + max(
            (depths[dependency] for dependency in dependencies.get(node_id, ())), default=-1
        )
    return depths
