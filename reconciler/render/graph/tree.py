"""The dependency graph as a text tree, in which every node occurs once.

A resource is a child of its dependency with the same name (the parts of one device have one name), or else of the dependency
that itself has the longest chain of dependencies. An ownership marker is a parent only of resources without another dependency.
The line of a resource lists its other dependencies, without ownership markers.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.text import Text

from reconciler.frozen_classes import frozen
from reconciler.render.graph.dependency_graph import DependencyGraph
from reconciler.render.graph.palette import compute_color
from reconciler.render.graph.picture import GraphNode, Picture
from reconciler.render.text.colors import COLORS, QUIET
from reconciler.render.views.labels import ACTION_GLYPHS, format_kind, get_kind_position, pluralize


@frozen
class _Branches:
    """The strings that branches are drawn with."""

    fork: str
    last: str
    through: str
    empty: str


_NONE = -1
"""In place of a node's number; as an index, the entry after those of all nodes."""

_UNVISITED, _WAITING, _VISITED = range(3)

_UNICODE_BRANCHES = _Branches("├─ ", "└─ ", "│  ", "   ")
_ASCII_BRANCHES = _Branches("|- ", "`- ", "|  ", "   ")


def render_tree(graph: DependencyGraph | Picture, *, ascii_only: bool = False) -> Iterator[Text]:
    """Render a graph or a picture as a tree with a line for each node, between the title and the counts.

    The children of a node can be anywhere in the file, so the tree keeps 12 bytes for each node until its end.
    """
    branches = _ASCII_BRANCHES if ascii_only else _UNICODE_BRANCHES
    nodes = graph.nodes
    parents, dependent_counts = _choose_parents(graph)
    first_children, next_siblings = _link_children(parents)
    resource_count = dependency_count = 0
    yield Text(graph.title, "bold")
    stack = [("", first_children[_NONE])]
    while stack:
        prefix, number = stack.pop()
        if number == _NONE:
            continue
        node, dependencies = nodes[number], graph.find_dependencies(number)
        resource_count += node.count
        dependency_count += len(dependencies)
        others = (nodes[other] for other in dependencies - {parents[number]})
        other_ids = [other.id for other in others if not other.is_marker]
        is_last = next_siblings[number] == _NONE
        branch = branches.last if is_last else branches.fork
        label = _render_label(node, other_ids, dependent_counts.get(number, 0))
        yield Text.assemble((prefix + branch, QUIET), label)
        stack.append((prefix, next_siblings[number]))
        stack.append((prefix + (branches.empty if is_last else branches.through), first_children[number]))
    yield Text()
    counts = f"{pluralize(resource_count, 'resource')}, {pluralize(dependency_count, 'dependency')}"
    yield Text(counts, QUIET)


def _link_children(parents: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
    """Return the first child of each node, and the next sibling of each node.

    The last of the first children is the first node without a parent.
    """
    first_children = array("i", [_NONE]) * (len(parents) + 1)
    next_siblings = array("i", [_NONE]) * len(parents)
    for number in reversed(range(len(parents))):
        next_siblings[number] = first_children[parents[number]]
        first_children[parents[number]] = number
    return first_children, next_siblings


def _choose_parents(graph: DependencyGraph | Picture) -> tuple[Sequence[int], Mapping[int, int]]:
    """Return the parent of each node, and the number of dependents of each ownership marker.

    The parent is one of its dependencies, but none that closes a cycle.
    """
    nodes = graph.nodes
    parents = array("i", [_NONE]) * len(nodes)
    depths = array("i", [_NONE]) * len(nodes)  # the lengths of the longest chains of dependencies
    dependent_counts = Counter[int]()
    for number in _sort_by_dependencies(graph):
        dependencies = {other: nodes[other] for other in graph.find_dependencies(number)}
        dependent_counts.update(other for other, node in dependencies.items() if node.is_marker)
        ranks = {
            other: _rank_parent(nodes[number], node, depths[other])
            for other, node in dependencies.items()
            if depths[other] != _NONE
        }
        parents[number] = max(ranks, key=ranks.__getitem__, default=_NONE)
        depths[number] = 1 + max((depths[other] for other in ranks), default=-1)
    return parents, dependent_counts


def _sort_by_dependencies(graph: DependencyGraph | Picture) -> Iterator[int]:
    """Yield the number of each node after those of its dependencies."""
    states = bytearray(len(graph.nodes))
    for start in range(len(states)):
        stack = [start]
        while stack:
            number = stack.pop()
            if states[number] == _UNVISITED:
                states[number] = _WAITING
                stack.append(number)
                stack += [other for other in graph.find_dependencies(number) if states[other] == _UNVISITED]
            elif states[number] == _WAITING:
                states[number] = _VISITED
                yield number


def _rank_parent(node: GraphNode, candidate: GraphNode, depth: int) -> tuple[bool, bool, int, int, str]:
    has_same_name = candidate.label == node.label
    return not candidate.is_marker, has_same_name, depth, get_kind_position(candidate.kind), candidate.id


def _render_label(node: GraphNode, other_dependencies: Iterable[str], dependent_count: int) -> Text:
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
