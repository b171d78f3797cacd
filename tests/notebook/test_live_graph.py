"""The panel's graph during an apply: each node counts the statuses of its resources."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import pytest

from reconciler.model.address import Address
from reconciler.model.plan import Step
from reconciler.notebook.live_graph import LiveGraph
from reconciler.render.graph.picture import build_picture
from reconciler.render.graph.svg import render_svg
from tests.support.sample_plans import make_sample_plan, make_thing_creation

FLEET_SIZE = 2_000


@pytest.fixture(scope="module")
def fleet_picture():
    """The picture of a fleet of new things, as a plan's graph."""
    steps = [Step(make_thing_creation(f"pump-{number}"), ()) for number in range(FLEET_SIZE)]
    graph: nx.DiGraph[Address] = nx.DiGraph()
    graph.add_nodes_from(step.address for step in steps)
    return build_picture(graph, {}, make_sample_plan(*steps))


def test_the_node_of_a_fleet_follows_an_apply_by_its_counts(fleet_picture):
    graph = LiveGraph(fleet_picture.collapse_if_large())
    for number in range(1_203):
        graph.record(f"things.pump-{number}", "started")
    assert graph.build_progress()["nodes"] == {"0": ["0 of 2,000 created", 0.0, False]}
    for number in range(1_203):
        graph.record(f"things.pump-{number}", "applied" if number < 1_200 else "failed", "started")
    graph.record("things.unknown", "applied")
    assert graph.build_progress() == {
        "summary": "1,200 of 2,000 changes applied",
        "nodes": {"0": ["1,200 of 2,000 created, 3 failed", 0.6, True]},
    }


def test_a_node_of_one_resource_shows_its_status(fleet_picture):
    graph = LiveGraph(fleet_picture.select_around("things.pump-7"))
    assert graph.build_progress() == {}
    texts = []
    statuses = ("", "started", "waiting", "applied")
    for previous, status in pairwise(statuses):
        graph.record("things.pump-7", status, previous)
        texts.append(graph.build_progress()["nodes"]["0"])
    assert texts == [
        ["thing · started", 0.0, False],
        ["thing · waiting", 0.0, False],
        ["thing · created", 1.0, False],
    ]


def test_a_graph_in_a_page_numbers_its_nodes_and_fits_any_width(fleet_picture):
    picture = fleet_picture.collapse_if_large()
    assert 'data-node="0"' in render_svg(picture, selector=".reconciler")
    assert "data-node" not in render_svg(picture)
    for svg in (render_svg(picture), render_svg(picture, selector=".reconciler")):
        assert 'style="max-width: 100%; height: auto"' in svg.partition(">")[0]
