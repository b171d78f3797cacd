"""The panel's graph during an apply: each node counts the statuses of its resources."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import pytest

from reconciler.model.address import Address
from reconciler.model.change import Create
from reconciler.model.plan import Step
from reconciler.model.resource import Resource
from reconciler.notebook.live_graph import LiveGraph
from reconciler.render.graph.graph_part import GraphPart
from reconciler.render.graph.svg import render_svg
from reconciler.render.rich_display import DisplayedGraph
from tests.support.sample_graphs import make_graph
from tests.support.sample_plans import make_sample_plan, make_thing_creation

FLEET_SIZE = 2_000


@pytest.fixture(scope="module")
def fleet_graph():
    """The graph of a plan that creates a fleet of things."""
    steps = [Step(make_thing_creation(f"pump-{number}"), ()) for number in range(FLEET_SIZE)]
    graph: nx.DiGraph[Address] = nx.DiGraph()
    graph.add_nodes_from(step.address for step in steps)
    return DisplayedGraph(GraphPart.from_graph(make_graph(graph, make_sample_plan(*steps))))


def test_the_node_of_a_fleet_follows_an_apply_by_its_counts(fleet_graph):
    graph = LiveGraph(fleet_graph)
    for number in range(1_203):
        graph.record(Address("things", f"pump-{number}"), "started")
    assert graph.build_progress()["nodes"] == {"0": ["0 of 2,000 created", 0.0, False]}
    for number in range(1_203):
        graph.record(
            Address("things", f"pump-{number}"), "applied" if number < 1_200 else "failed", "started"
        )
    graph.record(Address("things", "unknown"), "applied")
    assert graph.build_progress() == {
        "summary": "1,200 of 2,000 changes applied",
        "nodes": {"0": ["1,200 of 2,000 created, 3 failed", 0.6, True]},
    }


def test_a_node_of_one_resource_shows_its_status(fleet_graph):
    graph = LiveGraph(fleet_graph.around("things.pump-7"))
    assert graph.build_progress() == {}
    texts = []
    statuses = ("", "started", "waiting", "applied")
    for previous, status in pairwise(statuses):
        graph.record(Address("things", "pump-7"), status, previous)
        texts.append(graph.build_progress()["nodes"]["0"])
    assert texts == [
        ["thing · started", 0.0, False],
        ["thing · waiting", 0.0, False],
        ["thing · created", 1.0, False],
    ]


def test_a_collapsed_neighborhood_counts_only_the_resources_in_it():
    ca = Address("ca_certificates", "factory")
    certificates = [Address("certificates", f"pump-{number}") for number in range(400)]
    graph: nx.DiGraph[Address] = nx.DiGraph((ca, certificate) for certificate in certificates[:200])
    graph.add_nodes_from(certificates)
    steps = [Step(Create(Resource(address, None)), ()) for address in (ca, *certificates)]
    part = GraphPart.from_graph(make_graph(graph, make_sample_plan(*steps)))
    live_graph = LiveGraph(DisplayedGraph(part).around("ca_certificates.factory"))
    for address in certificates:
        live_graph.record(address, "applied")
    assert live_graph.build_progress() == {
        "summary": "200 of 201 changes applied",
        "nodes": {"1": ["200 of 200 created", 1.0, False]},
    }


def test_a_graph_in_a_page_numbers_its_nodes_and_fits_any_width(fleet_graph):
    picture = fleet_graph.picture
    assert 'data-node="0"' in render_svg(picture, selector=".reconciler")
    assert "data-node" not in render_svg(picture)
    for svg in (render_svg(picture), render_svg(picture, selector=".reconciler")):
        assert 'style="max-width: 100%; height: auto"' in svg.partition(">")[0]
