"""The layout of a layered picture, with few crossings and straight edges where possible.

Based on K. Sugiyama's method: assign layers, split long edges with virtual nodes, order each column by the average
position of the neighbors, then place nodes by least squares.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from graphlib import TopologicalSorter
from itertools import pairwise

from reconciler.frozen_classes import frozen
from reconciler.render.graph.picture import GraphEdge, Neighbors, Picture, map_neighbors

_SWEEPS = 12
"""Passes over the columns, forward and backward in turn."""


@frozen
class Layout:
    """The columns of nodes, and where nodes and edges are.

    `centers` is node ID → vertical center, also for virtual nodes. `routes` has each edge with the IDs of the nodes that it passes
    through, including its ends.
    """

    columns: tuple[tuple[str, ...], ...]
    centers: Mapping[str, float]
    routes: tuple[tuple[GraphEdge, tuple[str, ...]], ...]


def compute_layout(picture: Picture, *, node_height: float, virtual_node_height: float) -> Layout:
    """Compute the layout of a picture.

    A virtual node is the place where a long edge passes a column. The topmost node begins at height 0.
    """
    layers = _assign_layers(picture)
    routes = tuple((edge, tuple(_list_route(edge, layers))) for edge in picture.edges)
    virtual_layers = {
        node_id: layer
        for edge, route in routes
        for layer, node_id in _list_virtual_nodes(edge, route, layers)
    }
    short_edges = [GraphEdge(before, after) for _, route in routes for before, after in pairwise(route)]
    dependents, dependencies = map_neighbors(short_edges)
    columns: list[list[str]] = [[] for _ in range(max(layers.values(), default=-1) + 1)]
    for node_id, layer in [*layers.items(), *virtual_layers.items()]:
        columns[layer].append(node_id)
    _reduce_crossings(columns, dependents, dependencies)

    def get_height(node_id: str) -> float:
        return virtual_node_height if node_id in virtual_layers else node_height

    centers = _place(columns, dependents, dependencies, get_height)
    top = min((center - get_height(node_id) / 2 for node_id, center in centers.items()), default=0.0)
    return Layout(
        tuple(tuple(node_id for node_id in column if node_id not in virtual_layers) for column in columns),
        {node_id: center - top for node_id, center in centers.items()},
        routes,
    )


def _assign_layers(picture: Picture) -> dict[str, int]:
    """Assign each node to a layer: the length of the longest chain that leads to it.

    A node without dependencies moves to the layer before its first dependent.
    """
    dependents, dependencies = map_neighbors(picture.edges)
    sorter = TopologicalSorter({node.id: dependencies.get(node.id, []) for node in picture.nodes})
    order = list(sorter.static_order())
    layers: dict[str, int] = {}
    for node_id in order:
        layers[node_id] = 1 + max(
            (layers[dependency] for dependency in dependencies.get(node_id, ())), default=-1
        )
    for node_id in order:
        if node_id in dependents and node_id not in dependencies:
            layers[node_id] = min(layers[dependent] for dependent in dependents[node_id]) - 1
    return {node.id: layers[node.id] for node in picture.nodes}


def _list_route(edge: GraphEdge, layers: Mapping[str, int]) -> Iterable[str]:
    """Yield the ID of each node that an edge passes, with a virtual node in each layer between."""
    yield edge.before
    for layer in range(layers[edge.before] + 1, layers[edge.after]):
        yield f"{edge.before}\0{edge.after}\0{layer}"
    yield edge.after


def _list_virtual_nodes(
    edge: GraphEdge, route: Sequence[str], layers: Mapping[str, int]
) -> Iterable[tuple[int, str]]:
    """Yield the layer and the ID of each virtual node of a route."""
    return enumerate(route[1:-1], layers[edge.before] + 1)


def _reduce_crossings(columns: list[list[str]], dependents: Neighbors, dependencies: Neighbors) -> None:
    """Order each column by the mean rank of its nodes' neighbors; keep the order with fewest crossings."""
    best_columns = [list(column) for column in columns]
    fewest_crossings = _count_crossings(columns, dependents)
    for sweep in range(_SWEEPS):
        is_forward = sweep % 2 == 0
        links = dependencies if is_forward else dependents
        indexes = range(1, len(columns)) if is_forward else range(len(columns) - 2, -1, -1)
        for index in indexes:
            neighbor_ranks = _rank(columns[index - 1 if is_forward else index + 1])
            own_ranks = _rank(columns[index])
            targets = {
                node_id: _compute_mean(
                    [neighbor_ranks[neighbor] for neighbor in links.get(node_id, ())], own_rank
                )
                for node_id, own_rank in own_ranks.items()
            }
            columns[index].sort(key=targets.__getitem__)
        crossings = _count_crossings(columns, dependents)
        if crossings < fewest_crossings:
            best_columns = [list(column) for column in columns]
            fewest_crossings = crossings
    columns[:] = best_columns


def _count_crossings(columns: Sequence[Sequence[str]], dependents: Neighbors) -> int:
    """Count the pairs of edges that cross: one begins above the other and ends below it."""
    count = 0
    for left, right in pairwise(columns):
        ranks = _rank(right)
        ends = [
            end
            for node_id in left
            for end in sorted(ranks[dependent] for dependent in dependents.get(node_id, ()))
        ]
        # An edge crosses those that begin above it and end below it.
        earlier_ends: list[float] = []
        for end in ends:
            count += len(earlier_ends) - bisect_right(earlier_ends, end)
            insort(earlier_ends, end)
    return count


def _rank(column: Sequence[str]) -> dict[str, float]:
    """Map each node of a column to its position from the top."""
    return {node_id: float(rank) for rank, node_id in enumerate(column)}


def _place(
    columns: Sequence[Sequence[str]],
    dependents: Neighbors,
    dependencies: Neighbors,
    get_height: Callable[[str], float],
) -> dict[str, float]:
    """Return the vertical center of every node, near those of its neighbors.

    The order of each column stays, and nodes do not overlap.
    """
    centers = _stack(columns, get_height)
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            targets = [
                _compute_mean(
                    [
                        centers[neighbor]
                        for neighbor in (*dependencies.get(node_id, ()), *dependents.get(node_id, ()))
                    ],
                    centers[node_id],
                )
                for node_id in column
            ]
            min_distances = [(get_height(upper) + get_height(lower)) / 2 for upper, lower in pairwise(column)]
            centers.update(zip(column, _separate(targets, min_distances), strict=True))
    return centers


def _stack(columns: Sequence[Sequence[str]], get_height: Callable[[str], float]) -> dict[str, float]:
    """Stack the nodes of each column without gaps, with the column's middle at height 0."""
    centers: dict[str, float] = {}
    for column in columns:
        y = 0.0
        for node_id in column:
            centers[node_id] = y + get_height(node_id) / 2
            y += get_height(node_id)
        for node_id in column:
            centers[node_id] -= y / 2
    return centers


def _separate(targets: Sequence[float], min_distances: Sequence[float]) -> list[float]:
    """Return the positions nearest to the targets, by least squares, that keep minimum distances.

    `min_distances` has the distances of the centers of adjacent nodes that touch. The method is known as "pool adjacent
    violators".
    """
    offsets = [0.0]
    for distance in min_distances:
        offsets.append(offsets[-1] + distance)
    # A block is a sequence of nodes that touch: the mean of target minus offset, and the number of nodes.
    blocks: list[tuple[float, int]] = []
    # Not strict: an empty column has no target, but one offset.
    for target, offset in zip(targets, offsets, strict=False):
        mean, count = target - offset, 1
        while blocks and blocks[-1][0] > mean:
            other_mean, other_count = blocks.pop()
            total = count + other_count
            mean, count = (mean * count + other_mean * other_count) / total, total
        blocks.append((mean, count))
    means = [mean for mean, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]


def _compute_mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default
