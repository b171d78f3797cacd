"""A picture of the dependency graph, from which SVG, DOT, Mermaid and the tree are rendered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Self, TypeAlias

from attrs import evolve

from reconciler.frozen_classes import field, frozen
from reconciler.model.change import Delete, Forget
from reconciler.model.plan import Plan
from reconciler.model.resource import Desired
from reconciler.model.text import escape_invisible
from reconciler.render.views.labels import format_kind, get_kind_position

if TYPE_CHECKING:
    import networkx as nx

    from reconciler.model.address import Address

MAX_READABLE_NODES = 150
"""Pictures with more nodes are unreadable, so they are collapsed: one node for each kind and action.

The tree that `reconciler graph` prints is never collapsed.
"""

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
    and `collapsed` if resources are merged by kind and action. `groups` then has, for the ID of each resource, the ID of the node
    that shows it.
    """

    title: str
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    planned: bool = False
    collapsed: bool = False
    groups: Mapping[str, str] = field(factory=dict, repr=False, eq=False)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that occur, in dependency order."""
        kinds = {node.kind for node in self.nodes}
        return tuple(sorted(kinds, key=lambda kind: (get_kind_position(kind), kind)))

    @property
    def total(self) -> int:
        """The number of resources in the picture."""
        return sum(node.count for node in self.nodes)

    def collapse_if_large(self, max_nodes: int = MAX_READABLE_NODES) -> Self:
        """Return the picture itself, or collapse it if it has more than `max_nodes` nodes."""
        return self if len(self.nodes) <= max_nodes else self.collapse()

    def select_around(self, node_id: str, distance: int = 1) -> Self:
        """Return the part within `distance` edges of a node, in both directions.

        If that part is too large to read, all its nodes except the given one are collapsed.
        """
        dependents, dependencies = map_neighbors(self.edges)
        nearby = frontier = {node_id}
        for _ in range(distance):
            neighbors = {
                neighbor
                for near_id in frontier
                for neighbor in (*dependents.get(near_id, ()), *dependencies.get(near_id, ()))
            }
            frontier = neighbors - nearby
            nearby = nearby | frontier
        part = evolve(
            self,
            nodes=tuple(node for node in self.nodes if node.id in nearby),
            edges=tuple(edge for edge in self.edges if edge.before in nearby and edge.after in nearby),
        )
        return part if len(part.nodes) <= MAX_READABLE_NODES else part.collapse(keep=node_id)

    def collapse(self, keep: str = "") -> Self:
        """Return a picture with one node for each kind and action, and the number of edges between them.

        The node with the ID `keep` is not merged with others. Merging can close a cycle, for example of created and updated
        groups; then its edges with the lowest counts are left out.
        """
        group_ids = {
            node.id: node.id if node.id == keep else f"{node.kind}/{node.action or ''}" for node in self.nodes
        }
        sizes = Counter(group_ids.values())
        # Reversed, so that the first node of each group replaces the others.
        first_nodes = {group_ids[node.id]: node for node in reversed(self.nodes)}
        edge_counts = Counter((group_ids[edge.before], group_ids[edge.after]) for edge in self.edges)
        edges = _leave_out_cycles(
            GraphEdge(before, after, count)
            for (before, after), count in sorted(edge_counts.items())
            if before != after
        )
        nodes = (
            _build_group(group_id, node, sizes[group_id]) for group_id, node in reversed(first_nodes.items())
        )
        return evolve(self, nodes=tuple(nodes), edges=edges, collapsed=True, groups=group_ids)


def build_picture(
    graph: nx.DiGraph[Address], desired: Desired, plan: Plan | None = None, *, title: str = ""
) -> Picture:
    """Build the picture of the file's graph.

    A plan adds the actions of the nodes that it changes, and the resources that it deletes or forgets.
    """
    actions = {change.address: change.action for change in plan.changes} if plan else {}
    removals = _find_removals(plan) if plan else {}
    addresses = sorted(
        {*graph.nodes, *removals}, key=lambda address: (get_kind_position(address.kind), address)
    )
    nodes = tuple(_build_node(address, desired, actions.get(address)) for address in addresses)
    # A resource is removed after its dependents, so the removals that its removal waits for are drawn as its dependents.
    removal_edges = {
        (address, dependent)
        for address, dependencies in removals.items()
        for dependent in dependencies
        if dependent in removals
    }
    edges = sorted({*graph.edges, *removal_edges})
    return Picture(
        escape_invisible(title),
        nodes,
        tuple(GraphEdge(str(before), str(after)) for before, after in edges),
        planned=plan is not None,
    )


def _leave_out_cycles(edges: Iterable[GraphEdge]) -> tuple[GraphEdge, ...]:
    """Return the edges in their order, without those that close a cycle; edges with high counts are kept."""
    import networkx as nx

    edges = list(edges)
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(node_id for edge in edges for node_id in (edge.before, edge.after))
    for edge in sorted(edges, key=lambda edge: -edge.count):
        if not nx.has_path(graph, edge.after, edge.before):
            graph.add_edge(edge.before, edge.after)
    return tuple(edge for edge in edges if graph.has_edge(edge.before, edge.after))


def map_neighbors(edges: Iterable[GraphEdge]) -> tuple[Neighbors, Neighbors]:
    """Return the dependents of the nodes, and the dependencies of the nodes."""
    dependents: dict[str, list[str]] = {}
    dependencies: dict[str, list[str]] = {}
    for edge in edges:
        dependents.setdefault(edge.before, []).append(edge.after)
        dependencies.setdefault(edge.after, []).append(edge.before)
    return dependents, dependencies


def _find_removals(plan: Plan) -> Mapping[Address, AbstractSet[Address]]:
    """Return the deleted and forgotten resources, with the changes that each waits for."""
    return {
        change.address: plan.steps[position].dependencies
        for position, change in enumerate(plan.changes)
        if isinstance(change, Delete | Forget)
    }


def _build_node(address: Address, desired: Desired, action: str | None) -> GraphNode:
    return GraphNode(
        id=str(address),
        kind=address.kind,
        label=escape_invisible(address.name),
        action=action,
        is_marker=address in desired and desired[address].is_ownership_marker,
    )


def _build_group(group_id: str, first_node: GraphNode, size: int) -> GraphNode:
    """Build the node of a group from its first node."""
    label = f"{size:,} {format_kind(first_node.kind, size)}" if size > 1 else first_node.label
    return evolve(
        first_node, id=group_id, label=label, count=size, is_marker=first_node.is_marker and size == 1
    )
