"""Pictures of the dependency graph: one value, `Picture`, that every format draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Self

from attrs import evolve, frozen

from reconciler.model.change import Delete, Forget
from reconciler.model.plan import Plan
from reconciler.model.resource import Desired
from reconciler.model.text import visible
from reconciler.render.views.plan import format_kind, get_kind_position

if TYPE_CHECKING:
    import networkx as nx

    from reconciler.model.address import Address

MAX_READABLE_NODES = 150
"""More nodes than this are no picture any more."""


@frozen
class GraphNode:
    """One resource, or `count` of them that are drawn as one. `label` is ready to be read, `id` is unique."""

    id: str
    kind: str
    label: str
    action: str | None = None
    implied: bool = False
    count: int = 1


@frozen
class GraphEdge:
    """`before` is needed by `after`."""

    before: str
    after: str
    count: int = 1


@frozen
class Picture:
    """Nodes in the order of kinds and names; `planned` says whether actions are known."""

    title: str
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    planned: bool = False
    collapsed: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that occur, in dependency order."""
        return tuple(
            sorted({node.kind for node in self.nodes}, key=lambda kind: (get_kind_position(kind), kind))
        )

    @property
    def total(self) -> int:
        """How many resources it shows."""
        return sum(node.count for node in self.nodes)

    def readable(self, most: int = MAX_READABLE_NODES) -> Self:
        """Itself, or, with too many nodes, one node for each kind and action."""
        return self if len(self.nodes) <= most else self.collapse()

    def around(self, node: str, distance: int = 1) -> Self:
        """What is at most so many edges away from a node, whichever way they lead; if that is too much, collapsed around it."""
        later, earlier = map_neighbors(self.edges)
        near = edge = {node}
        for _ in range(distance):
            edge = {other for name in edge for way in (later, earlier) for other in way.get(name, ())} - near
            near = near | edge
        part = evolve(
            self,
            nodes=tuple(found for found in self.nodes if found.id in near),
            edges=tuple(found for found in self.edges if found.before in near and found.after in near),
        )
        return part if len(part.nodes) <= MAX_READABLE_NODES else part.collapse(keep=node)

    def collapse(self, keep: str = "") -> Self:
        """One node for each kind and action, with counts; edges between them are counted too. One may be kept as it is."""
        group = {
            node.id: node.id if node.id == keep else f"{node.kind}/{node.action or ''}" for node in self.nodes
        }
        sizes = Counter(group.values())
        firsts = {group[node.id]: node for node in reversed(self.nodes)}
        nodes = tuple(
            evolve(
                first,
                id=name,
                label=f"{sizes[name]:,} {format_kind(first.kind, sizes[name])}"
                if sizes[name] > 1
                else first.label,
                count=sizes[name],
                implied=first.implied and sizes[name] == 1,
            )
            for name, first in reversed(firsts.items())
        )
        joined = Counter((group[edge.before], group[edge.after]) for edge in self.edges)
        edges = tuple(
            GraphEdge(before, after, count)
            for (before, after), count in sorted(joined.items())
            if before != after
        )
        return evolve(self, nodes=nodes, edges=edges, collapsed=True)


def build_picture(
    graph: nx.DiGraph[Address], desired: Desired, plan: Plan | None = None, *, title: str = ""
) -> Picture:
    """The file's graph; with a plan, what would become of each node, and what would be deleted or forgotten."""
    actions = {step.address: step.change.action for step in plan.steps} if plan else {}
    gone = (
        {step.address: step for step in plan.steps if isinstance(step.change, Delete | Forget)}
        if plan
        else {}
    )
    addresses = sorted({*graph.nodes, *gone}, key=lambda address: (get_kind_position(address.kind), address))
    nodes = tuple(
        GraphNode(
            id=str(address),
            kind=address.kind,
            label=visible(address.name),
            action=actions.get(address),
            implied=address in desired and desired[address].is_ownership_marker,
        )
        for address in addresses
    )
    pairs = {
        *graph.edges,
        *((here, later) for here, step in gone.items() for later in step.dependencies if later in gone),
    }
    edges = tuple(GraphEdge(str(before), str(after)) for before, after in sorted(pairs))
    return Picture(visible(title), nodes, edges, planned=plan is not None)


def map_neighbors(edges: Iterable[GraphEdge]) -> tuple[Mapping[str, list[str]], Mapping[str, list[str]]]:
    """Who needs a node, and whom it needs."""
    later: dict[str, list[str]] = {}
    earlier: dict[str, list[str]] = {}
    for edge in edges:
        later.setdefault(edge.before, []).append(edge.after)
        earlier.setdefault(edge.after, []).append(edge.before)
    return later, earlier
