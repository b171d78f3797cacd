"""Dependency graphs of resources without specs, from graphs of networkx."""

from __future__ import annotations

import networkx as nx

from reconciler.model.address import Address
from reconciler.model.plan import Plan
from reconciler.model.resource import Desired, Resource
from reconciler.render.graph.dependency_graph import DependencyGraph
from reconciler.render.graph.graph_part import GraphPart
from reconciler.render.graph.picture import Picture


def make_resources(graph: nx.DiGraph[Address]) -> Desired:
    """Make a resource for each address, with the dependencies whose edges lead to it."""
    return {
        address: Resource(address, None, frozenset(graph.predecessors(address))) for address in graph.nodes
    }


def make_graph(graph: nx.DiGraph[Address], plan: Plan | None = None, *, title: str = "") -> DependencyGraph:
    """Make the dependency graph of such resources, and of those that the plan removes."""
    return DependencyGraph(make_resources(graph), plan, title=title)


def draw_graph(graph: nx.DiGraph[Address], plan: Plan | None = None, *, title: str = "") -> Picture:
    """Draw the whole dependency graph of such resources."""
    return GraphPart.from_graph(make_graph(graph, plan, title=title)).draw()
