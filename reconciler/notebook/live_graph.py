"""The dependency graph that a panel shows, with how far each of its nodes is during an apply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from reconciler.model.address import Address
from reconciler.model.outcome import Applied, Failed
from reconciler.render.graph.svg import describe_node_progress
from reconciler.render.rich_display import DisplayedGraph
from reconciler.render.views.labels import pluralize


class LiveGraph:
    """A graph whose nodes count the statuses of their resources.

    A node of a large graph is a group: the resources of one kind with one action.
    """

    def __init__(self, graph: DisplayedGraph | None = None) -> None:
        self._part = graph.part if graph else None
        self._nodes = graph.picture.nodes if graph else ()
        self._indexes = {node.id: index for index, node in enumerate(self._nodes)}
        self._counts: dict[int, Counter[str]] = {}

    def record(self, address: Address, status: str, previous_status: str = "") -> None:
        """Count a resource's status, in place of its previous one.

        Resources that are not in the picture are ignored.
        """
        node_id = self._part.find_node_id(address) if self._part else None
        if node_id is None:
            return
        index = self._indexes[node_id]
        counts = self._counts.setdefault(index, Counter())
        counts[status] += 1
        if previous_status:
            counts[previous_status] -= 1

    def build_progress(self) -> Mapping[str, Any]:
        """Return a summary, and the progress of each node with a status, by the node's index.

        The progress is a description, the part of its resources that was applied, and whether any failed. Before the first status,
        the result is empty.
        """
        if not self._counts:
            return {}
        nodes = {index: node for index, node in enumerate(self._nodes) if node.action}
        applied_count = sum(counts[Applied.status] for counts in self._counts.values())
        change_count = sum(node.count for node in nodes.values())
        return {
            "summary": f"{applied_count:,} of {pluralize(change_count, 'change')} applied",
            "nodes": {
                str(index): [
                    describe_node_progress(nodes[index], counts),
                    counts[Applied.status] / nodes[index].count,
                    counts[Failed.status] > 0,
                ]
                for index, counts in self._counts.items()
                if index in nodes
            },
        }
