"""The dependency graph of resources or steps. Edges lead from a dependency to its dependents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, TypeAlias

from reconciler.model.address import Address
from reconciler.model.resource import Desired

if TYPE_CHECKING:
    import networkx as nx

    Graph: TypeAlias = nx.DiGraph[Address]

Dependencies: TypeAlias = Mapping[Address, AbstractSet[Address]]
"""Address → the addresses that it depends on."""


def build_resource_graph(resources: Desired) -> Graph:
    """Return the graph of the resources in a file."""
    return build_graph({address: resource.dependencies for address, resource in resources.items()})


def build_graph(dependencies: Dependencies) -> Graph:
    """Return the graph, sorted by address; a dependency that is not itself a key is left out."""
    import networkx as nx  # slow (a tenth of a second), and not needed for an empty plan

    graph: Graph = nx.DiGraph()
    graph.add_nodes_from(sorted(dependencies))
    for address in sorted(dependencies):
        known_dependencies = sorted(
            dependency for dependency in dependencies[address] if dependency in dependencies
        )
        graph.add_edges_from((dependency, address) for dependency in known_dependencies)
    return graph


def find_cyclic_subgraph(dependencies: Dependencies) -> Dependencies:
    """Return the addresses that are in a cycle or depend on one, with their dependencies.

    Addresses without remaining dependencies are removed again and again, and the result is what remains: nothing if there is
    no cycle. This needs no networkx, which is slow to import.
    """
    remaining_counts = {
        address: sum(dependency in dependencies for dependency in dependencies_of_address)
        for address, dependencies_of_address in dependencies.items()
    }
    dependents: defaultdict[Address, list[Address]] = defaultdict(list)
    for address, dependencies_of_address in dependencies.items():
        for dependency in dependencies_of_address:
            dependents[dependency].append(address)
    ready = [address for address, count in remaining_counts.items() if not count]
    while ready:
        address = ready.pop()
        del remaining_counts[address]
        for dependent in dependents.get(address, ()):
            remaining_counts[dependent] -= 1
            if not remaining_counts[dependent]:
                ready.append(dependent)
    return {address: dependencies[address] for address in remaining_counts}


def sort_by_dependencies(graph: Graph) -> list[Address]:
    """Return all addresses, each after its dependencies, ties broken by address.

    Raises networkx.NetworkXUnfeasible if there is a cycle.
    """
    import networkx as nx

    return list(nx.lexicographical_topological_sort(graph))


def find_shortest_cycles(graph: Graph) -> Iterator[tuple[Address, ...]]:
    """Yield cycles until every address that is in a cycle is in a yielded one.

    Each cycle begins with its lowest address.

    A strongly connected component can have exponentially many cycles. So for each address that no yielded cycle contains yet, only
    one shortest cycle through it is yielded.
    """
    import networkx as nx

    for component in sorted(nx.strongly_connected_components(graph), key=min):
        addresses = sorted(component)
        if len(addresses) == 1 and not graph.has_edge(addresses[0], addresses[0]):
            continue  # the address is in no cycle
        subgraph: Graph = nx.DiGraph()  # sorted, so that every run finds the same cycles
        subgraph.add_nodes_from(addresses)
        subgraph.add_edges_from(sorted(graph.subgraph(component).edges))
        covered: set[Address] = set()
        for address in addresses:
            if address not in covered:
                cycle = _find_shortest_cycle(subgraph, address)
                covered.update(cycle)
                yield cycle


def _find_shortest_cycle(component: Graph, start: Address) -> tuple[Address, ...]:
    """Return a shortest cycle through `start`, rotated to begin with its lowest address."""
    import networkx as nx

    previous = {successor: address for address, successor in nx.bfs_edges(component, start)}
    paths = []
    for predecessor in component.predecessors(start):
        path = [predecessor]
        while path[-1] != start:
            path.append(previous[path[-1]])
        paths.append(tuple(reversed(path)))
    cycle = min(paths, key=lambda path: (len(path), path))
    lowest_index = cycle.index(min(cycle))
    return cycle[lowest_index:] + cycle[:lowest_index]
