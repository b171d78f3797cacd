"""The dependency graph of a file, with the actions of a plan, in little memory for each resource."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from reconciler.model.address import Address
from reconciler.model.change import ACTIONS, Delete, Forget
from reconciler.model.lazy_sequence import LazySequence
from reconciler.model.plan import Plan
from reconciler.model.resource import Desired
from reconciler.model.text import escape_invisible
from reconciler.render.graph.picture import GraphNode
from reconciler.render.views.labels import get_kind_position

_ACTIONS = (None, *ACTIONS)
_REMOVALS = (Delete.action, Forget.action)
_NO_EDGE = -1


class DependencyGraph:
    """The resources of a file, and those that a plan deletes or forgets, with the plan's actions.

    They are numbered by kind and name. To save memory, nodes and edges are built from the file whenever they are used: each resource
    takes 13 bytes here, and each dependency between removed ones 8. `is_planned` is whether there is a plan.
    """

    def __init__(self, desired: Desired, plan: Plan | None = None, *, title: str = "") -> None:
        self.title = escape_invisible(title)
        self.is_planned = plan is not None
        self._desired = desired
        changes = plan.changes if plan else ()
        removed = (change.address for change in changes if isinstance(change, Delete | Forget))
        new = (address for address in removed if address not in desired)
        self._addresses, self._kind_ranges = _sort_by_kind(chain(desired, new))
        self._action_codes = bytearray(len(self._addresses))
        for change in changes:
            number = self.find(change.address)
            if number is not None:
                self._action_codes[number] = _ACTIONS.index(change.action)
        self._removal_edges = _EdgeArrays(len(self._addresses))
        if plan:
            self._add_removal_edges(plan)

    @property
    def nodes(self) -> Sequence[GraphNode]:
        """The node of each resource, by its number."""
        return LazySequence(self._build_node, range(len(self._addresses)))

    def get_address(self, number: int) -> Address:
        """Return the address of a resource."""
        return self._addresses[number]

    def get_action(self, number: int) -> str | None:
        """Return what the plan does to a resource, or None."""
        return _ACTIONS[self._action_codes[number]]

    def find(self, address: Address) -> int | None:
        """Return the number of a resource, or None if it is not in the graph."""
        kind_range = self._kind_ranges.get(address.kind, range(0))
        number = bisect_left(self._addresses, address, kind_range.start, kind_range.stop)
        return number if number in kind_range and self._addresses[number] == address else None

    def find_dependencies(self, number: int) -> set[int]:
        """Return the numbers of the resources that a resource depends on."""
        resource = self._desired.get(self._addresses[number])
        numbers = map(self.find, resource.dependencies) if resource else ()
        dependencies = {dependency for dependency in numbers if dependency is not None}
        return dependencies.union(self._removal_edges.list_ends(number))

    def find_nearby(self, number: int, distance: int) -> set[int]:
        """Return the numbers of the resources within `distance` edges of one, in both directions."""
        nearby = {number}
        for _ in range(distance):
            dependencies = set().union(*map(self.find_dependencies, nearby))
            dependents = {
                dependent
                for dependent in range(len(self._addresses))
                if not nearby.isdisjoint(self.find_dependencies(dependent))
            }
            nearby |= dependencies | dependents
        return nearby

    def _add_removal_edges(self, plan: Plan) -> None:
        """Add the edges between removed resources, each from a dependent to a dependency.

        A resource is removed after its dependents, so the removals that its removal waits for are its dependents.
        """
        for position, change in enumerate(plan.changes):
            if isinstance(change, Delete | Forget):
                number = self.find(change.address)
                assert number is not None, "every removed resource is in the graph"
                for dependent in map(self.find, plan.steps[position].dependencies):
                    if dependent is not None and self.get_action(dependent) in _REMOVALS:
                        self._removal_edges.add(dependent, number)

    def _build_node(self, number: int) -> GraphNode:
        address = self._addresses[number]
        resource = self._desired.get(address)
        return GraphNode(
            id=str(address),
            kind=address.kind,
            label=escape_invisible(address.name),
            action=self.get_action(number),
            is_marker=resource is not None and resource.is_ownership_marker,
        )


class _EdgeArrays:
    """Edges between numbered nodes: 4 bytes for each node and 8 for each edge."""

    def __init__(self, node_count: int) -> None:
        self._latest_edges = array("i", [_NO_EDGE]) * node_count
        self._ends, self._previous_edges = array("i"), array("i")

    def add(self, start: int, end: int) -> None:
        """Add an edge."""
        self._previous_edges.append(self._latest_edges[start])
        self._latest_edges[start] = len(self._ends)
        self._ends.append(end)

    def list_ends(self, start: int) -> Iterator[int]:
        """Yield the end of each edge that begins at `start`."""
        edge = self._latest_edges[start]
        while edge != _NO_EDGE:
            yield self._ends[edge]
            edge = self._previous_edges[edge]


def _sort_by_kind(addresses: Iterable[Address]) -> tuple[Sequence[Address], Mapping[str, range]]:
    """Return the addresses by kind, in dependency order, and by name, and the positions of each kind."""
    by_kind: dict[str, list[Address]] = {}
    for address in addresses:
        by_kind.setdefault(address.kind, []).append(address)
    result: list[Address] = []
    kind_ranges = {}
    for kind in sorted(by_kind, key=lambda kind: (get_kind_position(kind), kind)):
        start = len(result)
        result += sorted(by_kind.pop(kind))
        kind_ranges[kind] = range(start, len(result))
    return result, kind_ranges
