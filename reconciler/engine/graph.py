"""The dependency graph: what has to exist before what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, TypeAlias

from reconciler.model.address import Address
from reconciler.model.resource import Desired

if TYPE_CHECKING:
    import networkx as nx

    Graph: TypeAlias = nx.DiGraph[Address]


def build_resource_graph(resources: Desired) -> Graph:
    """Edges from the needed to the needing. Nodes and edges come in the order of addresses; dangling needs are left out."""
    return build_graph({address: resource.dependencies for address, resource in resources.items()})


def build_graph(waits: Mapping[Address, AbstractSet[Address]]) -> Graph:
    """The same of any addresses and what each waits for."""
    import networkx as nx  # a tenth of a second, which a plan of nothing does not need

    made: Graph = nx.DiGraph()
    made.add_nodes_from(sorted(waits))
    for address in sorted(waits):
        made.add_edges_from((before, address) for before in sorted(waits[address]) if before in waits)
    return made


def cyclic_subgraph(waits: Mapping[Address, AbstractSet[Address]]) -> Mapping[Address, AbstractSet[Address]]:
    """What is left when all that waits for nothing is taken away, again and again: the cycles, and what is behind them.

    Of a healthy fleet nothing is, and that is known long before a graph of it is made.
    """
    left = {address: sum(before in waits for before in needs) for address, needs in waits.items()}
    behind: dict[Address, list[Address]] = {}
    for address, needs in waits.items():
        for before in needs:
            behind.setdefault(before, []).append(address)
    ready = [address for address, count in left.items() if not count]
    while ready:
        gone = ready.pop()
        del left[gone]
        for address in behind.get(gone, ()):
            left[address] -= 1
            if not left[address]:
                ready.append(address)
    return {address: waits[address] for address in left}


def sort_by_dependencies(made: Graph) -> list[Address]:
    """Every address after all that it needs, ties broken by address. Raises networkx.NetworkXUnfeasible on a cycle."""
    import networkx as nx

    return list(nx.lexicographical_topological_sort(made))


def find_shortest_cycles(made: Graph) -> Iterator[tuple[Address, ...]]:
    """The cycles, each from its first address and without coming back to it; every address in a knot is in at least one.

    A knot of many cycles has exponentially many paths through it, so the shortest through each address are given.
    """
    import networkx as nx

    for knot in sorted(nx.strongly_connected_components(made), key=min):
        if len(knot) == 1 and not made.has_edge(*knot, *knot):
            continue
        inside: Graph = nx.DiGraph()
        inside.add_nodes_from(sorted(knot))
        inside.add_edges_from(sorted(made.subgraph(knot).edges))
        covered: set[Address] = set()
        for address in sorted(knot):
            if address not in covered:
                cycle = _shortest(inside, address)
                covered.update(cycle)
                yield cycle


def _shortest(knot: Graph, start: Address) -> tuple[Address, ...]:
    """The shortest way from `start` back to it, turned so that its first address is in front."""
    import networkx as nx

    before = dict(nx.bfs_predecessors(knot, start))
    ways = []
    for last in knot.predecessors(start):
        way = [last]
        while way[-1] != start:
            way.append(before[way[-1]])
        ways.append(tuple(reversed(way)))
    cycle = min(ways, key=lambda way: (len(way), way))
    first = cycle.index(min(cycle))
    return cycle[first:] + cycle[:first]
