"""A part of the dependency graph that is drawn as one picture.

Pictures cannot be written node by node, as the place of a node depends on all others. So they are limited: a picture of many resources has
one node for each kind and action.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.model.address import Address
from reconciler.render.graph.dependency_graph import DependencyGraph
from reconciler.render.graph.picture import GraphEdge, GraphNode, Picture
from reconciler.render.views.labels import format_kind

MAX_READABLE_NODES = 150
"""The most resources that are drawn one by one; the tree that `reconciler graph` prints always has all of them."""


@frozen
class GraphPart:
    """The part of a graph that is drawn: the resources with these numbers.

    If they are too many to read, they are merged by kind and action, except `center`.
    """

    graph: DependencyGraph
    numbers: Collection[int]
    center: int | None = None

    @classmethod
    def from_graph(cls, graph: DependencyGraph) -> GraphPart:
        """Return the whole graph as a part."""
        return cls(graph, range(len(graph.nodes)))

    def select_around(self, number: int, distance: int = 1) -> GraphPart:
        """Return the part within `distance` edges of a resource, in both directions."""
        nearby = self.graph.find_nearby(number, distance).intersection(self.numbers)
        return GraphPart(self.graph, nearby, number)

    def list_addresses(self) -> Iterator[str]:
        """Yield the address of each resource."""
        return (str(self.graph.get_address(number)) for number in self.numbers)

    def find(self, address: Address) -> int | None:
        """Return the number of a resource, or None if it is not in the part."""
        number = self.graph.find(address)
        return None if number is None or number not in self.numbers else number

    def find_text(self, text: str) -> int | None:
        """Return the number of the resource whose address is a text, or None if it is not in the part."""
        try:
            return self.find(Address.parse(text))
        except ValueError:
            return None

    def find_node_id(self, address: Address) -> str | None:
        """Return the ID of the node that shows a resource, or None if it is not in the part."""
        number = self.find(address)
        return None if number is None else self._get_node_id(number)

    def draw(self) -> Picture:
        """Return the picture of the part."""
        return self._draw_groups() if self._is_large else self._draw_resources()

    @property
    def _is_large(self) -> bool:
        return len(self.numbers) > MAX_READABLE_NODES

    def _get_node_id(self, number: int) -> str:
        address = self.graph.get_address(number)
        if self._is_large and number != self.center:
            return f"{address.kind}/{self.graph.get_action(number) or ''}"
        return str(address)

    def _draw_resources(self) -> Picture:
        get_address = self.graph.get_address
        edges = sorted((get_address(before), get_address(after)) for before, after in self._list_edges())
        return Picture(
            self.graph.title,
            tuple(self.graph.nodes[number] for number in sorted(self.numbers)),
            tuple(GraphEdge(str(before), str(after)) for before, after in edges),
            planned=self.graph.is_planned,
        )

    def _draw_groups(self) -> Picture:
        """Return a picture with one node for each kind and action, and the number of edges between them.

        Merging can close a cycle, for example of created and updated groups; then its edges with the lowest counts are left out.
        """
        sizes, first_numbers, last_numbers = Counter[str](), dict[str, int](), dict[str, int]()
        for number in self.numbers:
            node_id = self._get_node_id(number)
            sizes[node_id] += 1
            first_numbers[node_id] = min(number, first_numbers.get(node_id, number))
            last_numbers[node_id] = max(number, last_numbers.get(node_id, number))
        edge_counts = Counter(
            (self._get_node_id(before), self._get_node_id(after)) for before, after in self._list_edges()
        )
        edges = (
            GraphEdge(before, after, count)
            for (before, after), count in sorted(edge_counts.items())
            if before != after
        )
        nodes = (
            _build_group(node_id, self.graph.nodes[first_numbers[node_id]], sizes[node_id])
            for node_id in sorted(last_numbers, key=last_numbers.__getitem__)
        )
        return Picture(
            self.graph.title,
            tuple(nodes),
            _leave_out_cycles(edges),
            planned=self.graph.is_planned,
            collapsed=True,
        )

    def _list_edges(self) -> Iterator[tuple[int, int]]:
        """Yield the edges inside the part, each from a dependency to a dependent."""
        for number in self.numbers:
            for dependency in self.graph.find_dependencies(number):
                if dependency in self.numbers:
                    yield dependency, number


def _build_group(group_id: str, first_node: GraphNode, size: int) -> GraphNode:
    """Build the node of a group from its first node."""
    if size == 1:
        return evolve(first_node, id=group_id)
    label = f"{size:,} {format_kind(first_node.kind, size)}"
    return GraphNode(group_id, first_node.kind, label, first_node.action, count=size)


def _leave_out_cycles(edges: Iterable[GraphEdge]) -> tuple[GraphEdge, ...]:
    """Return the edges in their order, without those that close a cycle; edges with high counts are kept."""
    edges = list(edges)
    dependents: dict[str, set[str]] = {}
    for edge in sorted(edges, key=lambda edge: -edge.count):
        if edge.before not in _find_reachable(edge.after, dependents):
            dependents.setdefault(edge.before, set()).add(edge.after)
    return tuple(edge for edge in edges if edge.after in dependents.get(edge.before, ()))


def _find_reachable(node_id: str, dependents: Mapping[str, set[str]]) -> set[str]:
    """Return a node, its dependents, their dependents, and so on."""
    reachable, remaining = {node_id}, [node_id]
    while remaining:
        new = dependents.get(remaining.pop(), set()) - reachable
        reachable |= new
        remaining += new
    return reachable
