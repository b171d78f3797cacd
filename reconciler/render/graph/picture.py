"""A picture of the dependency graph, from which SVG, DOT, Mermaid and the tree are rendered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from reconciler.frozen_classes import frozen
from reconciler.render.views.labels import get_kind_position

Neighbors: TypeAlias = Mapping[str, list[str]]
"""Node ID → the IDs of its dependents, or of its dependencies; a node that has none is left out."""


@frozen
class GraphNode:
    """One resource, or `count` of them that are drawn as one.

    `label` has its invisible characters escaped; `id` is unique and not escaped. `action` is what a plan does to the resource,
    or None. `is_marker` is whether the resource is an ownership marker of the workspace.
    """

    id: str
    kind: str
    label: str
    action: str | None = None
    is_marker: bool = False
    count: int = 1


@frozen
class GraphEdge:
    """An edge between two nodes: `after` depends on `before`; `count` is the number of merged edges."""

    before: str
    after: str
    count: int = 1


@frozen
class Picture:
    """Nodes, sorted by kind and name, and the edges between them.

    A node of several resources is sorted by the last of their names. `planned` is true if the nodes have the actions of a plan,
    and `collapsed` if resources are merged by kind and action.
    """

    title: str
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    planned: bool = False
    collapsed: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that occur, in dependency order."""
        kinds = {node.kind for node in self.nodes}
        return tuple(sorted(kinds, key=lambda kind: (get_kind_position(kind), kind)))

    @property
    def total(self) -> int:
        """The number of resources in the picture."""
        return sum(node.count for node in self.nodes)

    def find_dependencies(self, position: int) -> set[int]:
        """Return the positions of the nodes that a node depends on."""
        node_id = self.nodes[position].id
        dependencies = {edge.before for edge in self.edges if edge.after == node_id}
        return {position for position, node in enumerate(self.nodes) if node.id in dependencies}


def map_neighbors(edges: Iterable[GraphEdge]) -> tuple[Neighbors, Neighbors]:
    """Return the dependents of the nodes, and the dependencies of the nodes."""
    dependents: dict[str, list[str]] = {}
    dependencies: dict[str, list[str]] = {}
    for edge in edges:
        dependents.setdefault(edge.before, []).append(edge.after)
        dependencies.setdefault(edge.after, []).append(edge.before)
    return dependents, dependencies
