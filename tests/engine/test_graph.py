"""The dependency graph: order and cycles."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.graph import (
    build_graph,
    build_resource_graph,
    find_cyclic_subgraph,
    find_shortest_cycles,
    sort_by_dependencies,
)
from reconciler.model.address import Address
from reconciler.model.resource import Resource


def parse_dependencies(**dependencies: str) -> dict[Address, frozenset[Address]]:
    """Return dependencies by address; `a="b c"` is an `a` that depends on `b` and `c`."""
    return {
        _make_address(name): frozenset(map(_make_address, names.split()))
        for name, names in dependencies.items()
    }


def _make_address(name: str) -> Address:
    return Address("things", name)


def join_names(addresses) -> str:
    return " ".join(address.name for address in addresses)


def make_resources(**dependencies: str) -> dict[Address, Resource]:
    return {
        address: Resource(address, None, addresses)
        for address, addresses in parse_dependencies(**dependencies).items()
    }


def test_edges_lead_from_a_dependency_to_its_dependents():
    graph = build_resource_graph(make_resources(thing="certificate", certificate="ca", ca=""))
    assert sorted((dependency.name, dependent.name) for dependency, dependent in graph.edges) == [
        ("ca", "certificate"),
        ("certificate", "thing"),
    ]


def test_dependencies_come_first_and_ties_are_broken_by_address():
    assert join_names(sort_by_dependencies(parse_dependencies(a="z", b="", c="b", z="", y=""))) == "b c y z a"


def test_dependencies_on_missing_resources_are_left_out():
    assert join_names(build_resource_graph(make_resources(a="missing"))) == "a"


def test_a_cycle_and_what_depends_on_it_have_no_place_in_the_order():
    dependencies = parse_dependencies(a="b", b="a", c="a", d="", e="d missing")
    assert join_names(sort_by_dependencies(dependencies)) == "d e"


@given(edges=st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25))
def test_the_order_is_the_lexicographical_topological_sort_of_networkx(edges):
    dependencies = {
        _make_address(str(number)): frozenset(
            _make_address(str(source)) for source, target in edges if source < target == number
        )
        for number in range(10)
    }
    expected = list(nx.lexicographical_topological_sort(build_graph(dependencies)))
    assert sort_by_dependencies(dependencies) == expected


def test_an_acyclic_graph_has_no_cycles():
    assert list(find_shortest_cycles(build_graph(parse_dependencies(a="b c", b="c", c="")))) == []


@pytest.mark.parametrize(
    ("dependencies", "expected"),
    [
        ({"a": "a"}, ["a"]),
        ({"a": "b", "b": "a"}, ["a b"]),
        ({"a": "c", "b": "a", "c": "b"}, ["a b c"]),
        ({"b": "a", "a": "b", "d": "c b", "c": "d"}, ["a b", "c d"]),
        ({"a": "b c", "b": "a", "c": "a"}, ["a b", "a c"]),
        ({"a": "b d", "b": "a", "c": "b", "d": "c"}, ["a b", "a b c d"]),
    ],
    ids=str,
)
def test_the_shortest_cycles_are_found_and_start_at_their_lowest_address(dependencies, expected):
    assert [
        join_names(cycle) for cycle in find_shortest_cycles(build_graph(parse_dependencies(**dependencies)))
    ] == expected


def test_the_cyclic_subgraph_has_only_cycles_and_their_dependents():
    dependencies = parse_dependencies(a="b missing", b="c", c="b", d="", e="d", f="d e")
    assert find_cyclic_subgraph(dependencies) == parse_dependencies(a="b missing", b="c", c="b")


@given(edges=st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=25), shuffle=st.randoms())
def test_the_cycles_cover_every_cyclic_component_in_any_order_of_the_file(edges, shuffle):
    nodes = [_make_address(str(number)) for number in range(8)]
    dependencies = {
        node: frozenset(nodes[source] for source, target in edges if target == number)
        for number, node in enumerate(nodes)
    }
    graph = build_graph(dependencies)
    cycles = list(find_shortest_cycles(graph))
    for cycle in cycles:
        assert all(graph.has_edge(*edge) for edge in zip(cycle, (*cycle[1:], cycle[0]), strict=True))
        assert cycle[0] == min(cycle)
    cyclic_nodes = {
        node
        for component in nx.strongly_connected_components(graph)
        if len(component) > 1 or graph.has_edge(*component, *component)
        for node in component
    }
    assert {node for cycle in cycles for node in cycle} == cyclic_nodes
    items = list(dependencies.items())
    shuffle.shuffle(items)
    assert list(find_shortest_cycles(build_graph(dict(items)))) == cycles
    assert list(find_shortest_cycles(build_graph(find_cyclic_subgraph(dependencies)))) == cycles
