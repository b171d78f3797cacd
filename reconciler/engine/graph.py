"""The dependency graph of resources or steps. Edges lead from a dependency to its dependents."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from heapq import heappop, heappush
from typing import TYPE_CHECKING, TypeAlias

from reconciler.model.address import Address
from reconciler.model.resource import Desired

if TYPE_CHECKING:
    import networkx as nx

    Graph: TypeAlias = nx.DiGraph[Address]

Dependencies: TypeAlias = Mapping[Address, AbstractSet[Address]]
"""Address → the addresses that it depends on."""

_NO_EDGE = -1


def build_resource_graph(resources: Desired) -> Graph:
    """Return the graph of the resources in a file."""
    return build_graph({address: resource.dependencies for address, resource in resources.items()})


def build_graph(dependencies: Dependencies) -> Graph:
    """Return the graph, sorted by address; a dependency that is not itself a key is left out."""
    import networkx as nx  # slow to import (a tenth of a second)

    graph: Graph = nx.DiGraph()
    graph.add_nodes_from(sorted(dependencies))
    for address in sorted(dependencies):
        known_dependencies = sorted(
            dependency for dependency in dependencies[address] if dependency in dependencies
        )
        graph.add_edges_from((dependency, address) for dependency in known_dependencies)
    return graph


def sort_by_dependencies(dependencies: Dependencies) -> list[Address]:
    """Return the addresses, each after its dependencies, ties broken by address.

    Addresses that are in a cycle, or depend on one, are left out, and so are dependencies that are not keys themselves. The
    order is that of networkx's `lexicographical_topological_sort`; networkx is slow to import, and this is faster.
    """
    addresses = sorted(dependencies)
    indexes = {address: index for index, address in enumerate(addresses)}
    missing_counts = array("i", [0]) * len(addresses)
    # The edges of a large graph are in arrays: each has its dependent and the next edge of the same dependency.
    first_edges = array("i", [_NO_EDGE]) * len(addresses)
    edge_dependents, next_edges = array("i"), array("i")
    for index, address in enumerate(addresses):
        for dependency in dependencies[address]:
            dependency_index = indexes.get(dependency)
            if dependency_index is not None:
                missing_counts[index] += 1
                next_edges.append(first_edges[dependency_index])
                first_edges[dependency_index] = len(edge_dependents)
                edge_dependents.append(index)
    ready = [index for index, count in enumerate(missing_counts) if not count]  # sorted, so it is a heap
    order = []
    while ready:
        index = heappop(ready)
        order.append(addresses[index])
        edge = first_edges[index]
        while edge != _NO_EDGE:
            dependent = edge_dependents[edge]
            missing_counts[dependent] -= 1
            if not missing_counts[dependent]:
                heappush(ready, dependent)
            edge = next_edges[edge]
    return order


def find_cyclic_subgraph(dependencies: Dependencies) -> Dependencies:
    """Return the addresses that are in a cycle or depend on one, with their dependencies."""
    sortable = set(sort_by_dependencies(dependencies))
    return {address: value for address, value in dependencies.items() if address not in sortable}


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
