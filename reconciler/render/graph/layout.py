"""Where things go in a layered picture: columns by dependency, few crossings, straight edges where possible.

After K. Sugiyama's method: layers, stand-ins on long edges, order by neighbours' average, then places by least squares.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from graphlib import TopologicalSorter
from itertools import pairwise

from attrs import frozen

from reconciler.render.graph.picture import GraphEdge, Picture, map_neighbors

_SWEEPS = 12

Neighbours = Mapping[str, list[str]]


@frozen
class Layout:
    """The middle of every node's height by id, the columns, and for each edge the ids that it passes through."""

    columns: tuple[tuple[str, ...], ...]
    middle: Mapping[str, float]
    routes: tuple[tuple[GraphEdge, tuple[str, ...]], ...]


def compute_layout(picture: Picture, *, step: float, thin: float) -> Layout:
    """Nodes take `step` of height, stand-ins of passing edges `thin`; the topmost middle is at `step / 2`."""
    layer = _layers(picture)
    routes = tuple((edge, tuple(_route(edge, layer))) for edge in picture.edges)
    passing = {name: index for edge, route in routes for index, name in _stand_ins(edge, route, layer)}
    short = [GraphEdge(a, b) for _, route in routes for a, b in pairwise(route)]
    later, earlier = map_neighbors(short)
    columns: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for name, index in [*layer.items(), *passing.items()]:
        columns[index].append(name)
    _untangle(columns, later, earlier)

    def height(name: str) -> float:
        return thin if name in passing else step

    middle = _settle(columns, later, earlier, height)
    top = min((middle[name] - height(name) / 2 for name in middle), default=0.0)
    return Layout(
        tuple(tuple(name for name in column if name not in passing) for column in columns),
        {name: y - top for name, y in middle.items()},
        routes,
    )


def _layers(picture: Picture) -> dict[str, int]:
    """The longest chain that leads to a node; what needs nothing moves up to those that need it."""
    later, earlier = map_neighbors(picture.edges)
    order = list(
        TopologicalSorter({node.id: earlier.get(node.id, []) for node in picture.nodes}).static_order()
    )
    layer: dict[str, int] = {}
    for name in order:
        layer[name] = 1 + max((layer[need] for need in earlier.get(name, ())), default=-1)
    for name in order:
        if name in later and name not in earlier:
            layer[name] = min(layer[user] for user in later[name]) - 1
    return {node.id: layer[node.id] for node in picture.nodes}


def _route(edge: GraphEdge, layer: Mapping[str, int]) -> Iterable[str]:
    yield edge.before
    for index in range(layer[edge.before] + 1, layer[edge.after]):
        yield f"{edge.before}\0{edge.after}\0{index}"
    yield edge.after


def _stand_ins(edge: GraphEdge, route: Sequence[str], layer: Mapping[str, int]) -> Iterable[tuple[int, str]]:
    return enumerate(route[1:-1], layer[edge.before] + 1)


def _untangle(columns: list[list[str]], later: Neighbours, earlier: Neighbours) -> None:
    """Order each column by where its neighbours are, back and forth; the order with the fewest crossings stays."""
    best, fewest = [list(column) for column in columns], _crossings(columns, later)
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        links = earlier if forth else later
        for index in range(1, len(columns)) if forth else range(len(columns) - 2, -1, -1):
            at = _ranks(columns[index - 1 if forth else index + 1])
            own = _ranks(columns[index])
            wanted = {name: _mean([at[n] for n in links.get(name, ())], own[name]) for name in own}
            columns[index].sort(key=wanted.__getitem__)
        count = _crossings(columns, later)
        if count < fewest:
            best, fewest = [list(column) for column in columns], count
    columns[:] = best


def _crossings(columns: Sequence[Sequence[str]], later: Neighbours) -> int:
    count = 0
    for left, right in pairwise(columns):
        at = _ranks(right)
        ends = [end for name in left for end in sorted(at[user] for user in later.get(name, ()))]
        seen: list[float] = []
        for end in ends:
            count += len(seen) - bisect_right(seen, end)
            insort(seen, end)
    return count


def _ranks(column: Sequence[str]) -> dict[str, float]:
    return {name: float(rank) for rank, name in enumerate(column)}


def _settle(
    columns: Sequence[Sequence[str]], later: Neighbours, earlier: Neighbours, height: Callable[[str], float]
) -> dict[str, float]:
    """Move every node towards its neighbours as far as its column's order and the nodes' heights let it."""
    middle: dict[str, float] = {}
    for column in columns:
        y = 0.0
        for name in column:
            middle[name] = y + height(name) / 2
            y += height(name)
        for name in column:
            middle[name] -= y / 2
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            wanted = [
                _mean([middle[n] for n in (*earlier.get(name, ()), *later.get(name, ()))], middle[name])
                for name in column
            ]
            gaps = [(height(a) + height(b)) / 2 for a, b in pairwise(column)]
            middle.update(zip(column, _apart(wanted, gaps), strict=True))
    return middle


def _apart(wanted: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """The places nearest to `wanted` (least squares) that keep the gaps: pool adjacent violators."""
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    blocks: list[tuple[float, int]] = []
    for value, offset in zip(wanted, offsets, strict=False):
        mean, count = value - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, size = blocks.pop()
            mean, count = (mean * count + other * size) / (count + size), count + size
        blocks.append((mean, count))
    flat = [mean for mean, count in blocks for _ in range(count)]
    return [value + offset for value, offset in zip(flat, offsets, strict=False)]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
