"""The dependency graph as pictures."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import pairwise

import networkx as nx
import pytest

from reconciler.kinds import all_kinds
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.change import Create, Delete, Forget, Update
from reconciler.model.plan import Step
from reconciler.model.resource import Live
from reconciler.render.graph.dot import render_dot
from reconciler.render.graph.layout import compute_layout
from reconciler.render.graph.mermaid import render_mermaid
from reconciler.render.graph.palette import compute_color
from reconciler.render.graph.picture import GraphEdge, GraphNode
from reconciler.render.graph.svg import render_svg
from reconciler.render.graph.tree import render_tree
from reconciler.render.views.labels import get_kind_position
from tests.support.sample_graphs import draw_graph, make_graph
from tests.support.sample_plans import CREATION, ROTATION, make_resource_at_line, make_sample_plan

SVG = "{http://www.w3.org/2000/svg}"


def build_fleet_graph(count: int = 2):
    """Return the graph of some devices, one CA and one thing group.

    The first device is `pump-7`, whose certificate `ROTATION` replaces.
    """
    graph = nx.DiGraph()
    ca, group = Address("ca_certificates", "factory"), Address("thing_groups", "hall")
    graph.add_nodes_from([ca, group])
    for number in range(7, 7 + count):
        certificate, thing = Address("certificates", f"pump-{number}"), Address("things", f"pump-{number}")
        graph.add_edge(ca, certificate)
        graph.add_edge(certificate, thing)
        graph.add_edge(group, thing)
    return graph


def compute_fill_color(kind):
    return compute_color(get_kind_position(kind), lightness=0.95, chroma=0.03)


def sort_nodes(*nodes):
    """Sort nodes by kind, as pictures do; the order of independent kinds is not defined."""
    return tuple(sorted(nodes, key=lambda node: get_kind_position(node.kind)))


def render_tree_text(picture, **options):
    return "\n".join(line.plain for line in render_tree(picture, **options))


def test_a_tree_has_every_resource_once_below_one_dependency_and_names_the_others():
    assert render_tree_text(make_graph(build_fleet_graph(), title="greenhouse")) == (
        "greenhouse\n"
        "├─ factory  CA certificate\n"
        "│  ├─ pump-7  device certificate\n"
        "│  │  └─ pump-7  thing  also depends on thing_groups.hall\n"
        "│  └─ pump-8  device certificate\n"
        "│     └─ pump-8  thing  also depends on thing_groups.hall\n"
        "└─ hall  thing group\n"
        "\n"
        "6 resources, 6 dependencies"
    )


def test_a_tree_can_be_limited_to_ascii():
    graph = nx.DiGraph([(Address("ca_certificates", "factory"), Address("certificates", "pump-7"))])
    assert render_tree_text(make_graph(graph, title="greenhouse"), ascii_only=True) == (
        "greenhouse\n`- factory  CA certificate\n   `- pump-7  device certificate\n\n2 resources, 1 dependency"
    )


def test_a_tree_of_a_plan_shows_its_actions_and_removals():
    removal = Step(Delete(Address("things", "pump-3"), Live("pump-3", Thing())), ())
    plan = make_sample_plan(ROTATION, CREATION, removal)
    graph = nx.DiGraph([(Address("certificates", "pump-7"), Address("things", "pump-8"))])
    assert render_tree_text(make_graph(graph, plan, title="greenhouse")) == (
        "greenhouse\n"
        "├─ ± replace pump-7  device certificate\n"
        "│  └─ + create pump-8  thing\n"
        "└─ - delete pump-3  thing\n"
        "\n"
        "3 resources, 1 dependency"
    )


def test_dot_has_nodes_with_their_actions_and_edges():
    graph = nx.DiGraph([(Address("ca_certificates", "factory"), Address("certificates", "pump-7"))])
    assert render_dot(draw_graph(graph, make_sample_plan(ROTATION), title="greenhouse")) == (
        "digraph reconciler {\n"
        '  graph [label="greenhouse", labelloc=t, rankdir=LR, fontname="sans-serif"];\n'
        '  node [shape=box, style="rounded,filled", fontname="sans-serif", fontsize=11];\n'
        '  edge [color="#98a1ab", arrowsize=0.7];\n'
        f'  "ca_certificates.factory" [label="factory\\nCA certificate", color="{compute_color(get_kind_position("ca_certificates"))}", fillcolor="{compute_fill_color("ca_certificates")}"];\n'
        f'  "certificates.pump-7" [label="pump-7\\ndevice certificate\\n± replace", color="{compute_color(get_kind_position("certificates"))}", fillcolor="{compute_fill_color("certificates")}"];\n'
        '  "ca_certificates.factory" -> "certificates.pump-7";\n'
        "}\n"
    )


def test_a_large_graph_has_one_node_for_each_kind_and_action():
    picture = draw_graph(build_fleet_graph(400), make_sample_plan(ROTATION), title="greenhouse")
    assert (picture.nodes, picture.edges) == (
        sort_nodes(
            GraphNode("ca_certificates/", "ca_certificates", "factory"),
            GraphNode("thing_groups/", "thing_groups", "hall"),
            GraphNode("certificates/replace", "certificates", "pump-7", "replace"),
            GraphNode("certificates/", "certificates", "399 device certificates", count=399),
            GraphNode("things/", "things", "400 things", count=400),
        ),
        (
            GraphEdge("ca_certificates/", "certificates/", 399),
            GraphEdge("ca_certificates/", "certificates/replace"),
            GraphEdge("certificates/", "things/", 399),
            GraphEdge("certificates/replace", "things/"),
            GraphEdge("thing_groups/", "things/", 400),
        ),
    )


def test_a_collapsed_graph_leaves_out_the_rarest_edges_of_a_cycle():
    graph = nx.DiGraph()
    changes = []
    for number in range(40):
        resources = {name: make_resource_at_line("thing_groups", f"{name}{number}", None) for name in "abcde"}
        changes += [Create(resources[name]) for name in "bcd"]
        changes += [Update(resources[name], Live(name, None), ()) for name in "ae"]
        for before, after in ("ab", "ac", "de"):
            graph.add_edge(resources[before].address, resources[after].address)
    picture = draw_graph(graph, make_sample_plan(*(Step(change, ()) for change in changes)))

    assert picture.edges == (GraphEdge("thing_groups/update", "thing_groups/create", 80),)
    assert "120 thing groups" in "\n".join(line.plain for line in render_tree(picture))
    assert "thing groups" in render_svg(picture)


def test_mermaid_counts_the_edges_of_a_collapsed_graph():
    graph = nx.DiGraph(
        (Address("ca_certificates", "factory"), Address("certificates", f"pump-{number}"))
        for number in range(1_000)
    )
    assert render_mermaid(draw_graph(graph)).split("\n")[:4] == [
        "flowchart LR",
        f'  n0("factory<br>CA certificate"):::k{get_kind_position("ca_certificates")}',
        f'  n1("1,000 device certificates"):::k{get_kind_position("certificates")}',
        "  n0 -->|1,000| n1",
    ]


def test_an_svg_has_a_title_and_a_description_for_screen_readers():
    svg = ET.fromstring(
        render_svg(draw_graph(build_fleet_graph(), make_sample_plan(ROTATION), title="greenhouse"))
    )
    assert (svg.get("role"), svg.find(f"{SVG}title").text, svg.find(f"{SVG}desc").text) == (
        "img",
        "Dependency graph of greenhouse",
        "6 resources; 1 to replace",
    )


def test_every_node_of_an_svg_has_its_whole_name_in_a_tooltip():
    graph = nx.DiGraph()
    graph.add_node(Address("things", "a" * 60))
    svg = ET.fromstring(render_svg(draw_graph(graph)))
    assert [node.text for node in svg.iterfind(f"{SVG}g/{SVG}title")] == ["a" * 60 + ", thing"]


def test_columns_follow_dependencies_and_a_root_is_next_to_its_dependents():
    layout = compute_layout(draw_graph(build_fleet_graph(1)), node_height=50, virtual_node_height=10)
    assert [set(column) for column in layout.columns] == [
        {"ca_certificates.factory"},
        {"thing_groups.hall", "certificates.pump-7"},
        {"things.pump-7"},
    ]


@pytest.mark.parametrize("count", [1, 5, 40])
def test_nodes_of_a_column_do_not_overlap(count):
    layout = compute_layout(draw_graph(build_fleet_graph(count)), node_height=50, virtual_node_height=10)
    for column in layout.columns:
        centers = [layout.centers[name] for name in column]
        assert all(below - above >= 50 - 0.001 for above, below in pairwise(centers))  # except for rounding


def test_an_empty_graph_is_a_valid_picture():
    assert ET.fromstring(render_svg(draw_graph(nx.DiGraph(), title="greenhouse"))).tag == f"{SVG}svg"


def test_every_kind_has_a_color_of_its_own():
    assert len({compute_color(position) for position in range(len(all_kinds()))}) == len(all_kinds())


def test_a_forgotten_resource_is_part_of_the_picture():
    live = Live("pump-9", Thing(), owner="greenhouse")
    step = Step(Forget(Address("things", "pump-9"), live), ())
    (node,) = make_graph(nx.DiGraph(), make_sample_plan(step)).nodes
    assert (node.id, node.action) == ("things.pump-9", "forget")
