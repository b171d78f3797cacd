"""What has to exist before what."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.graph import (
    build_graph,
    build_resource_graph,
    cyclic_subgraph,
    find_shortest_cycles,
    sort_by_dependencies,
)
from reconciler.model.address import Address
from reconciler.model.resource import Resource


def needing(**needs: str) -> dict[Address, frozenset[Address]]:
    """`a="b c"`: a needs b and c."""
    return {_at(name): frozenset(map(_at, found.split())) for name, found in needs.items()}


def _at(name: str) -> Address:
    return Address("things", name)


def names(addresses) -> str:
    return " ".join(address.name for address in addresses)


def resources(**needs: str) -> dict[Address, Resource]:
    return {address: Resource(address, None, found) for address, found in needing(**needs).items()}


def test_edges_lead_from_the_needed_to_the_needing():
    made = build_resource_graph(resources(thing="certificate", certificate="ca", ca=""))
    assert sorted((before.name, after.name) for before, after in made.edges) == [
        ("ca", "certificate"),
        ("certificate", "thing"),
    ]


def test_what_is_needed_comes_first_and_ties_are_broken_by_address():
    assert (
        names(sort_by_dependencies(build_resource_graph(resources(a="z", b="", c="b", z="", y=""))))
        == "b c y z a"
    )


def test_needs_that_are_not_there_are_left_out():
    assert names(build_resource_graph(resources(a="gone"))) == "a"


def test_a_cycle_has_no_order():
    with pytest.raises(nx.NetworkXUnfeasible):
        sort_by_dependencies(build_graph(needing(a="b", b="a")))


def test_a_graph_without_cycles_has_none():
    assert list(find_shortest_cycles(build_graph(needing(a="b c", b="c", c="")))) == []


@pytest.mark.parametrize(
    ("needs", "expected"),
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
def test_each_cycle_starts_at_its_first_address(needs, expected):
    assert [names(cycle) for cycle in find_shortest_cycles(build_graph(needing(**needs)))] == expected


def test_what_is_healthy_is_taken_away_before_cycles_are_looked_for():
    waits = needing(a="b gone", b="c", c="b", d="", e="d", f="d e")
    assert cyclic_subgraph(waits) == needing(a="b gone", b="c", c="b")


@given(edges=st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=25), shuffle=st.randoms())
def test_cycles_are_real_cover_every_knot_and_do_not_depend_on_the_order_of_the_file(edges, shuffle):
    waits = {_at(str(node)): frozenset(_at(str(b)) for b, a in edges if a == node) for node in range(8)}
    made = build_graph(waits)
    found = list(find_shortest_cycles(made))
    for cycle in found:
        assert all(made.has_edge(a, b) for a, b in zip(cycle, (*cycle[1:], cycle[0]), strict=True))
        assert cycle[0] == min(cycle)
    knotted = {
        node
        for knot in nx.strongly_connected_components(made)
        if len(knot) > 1 or made.has_edge(*knot, *knot)
        for node in knot
    }
    assert {node for cycle in found for node in cycle} == knotted
    items = list(waits.items())
    shuffle.shuffle(items)
    assert list(find_shortest_cycles(build_graph(dict(items)))) == found
    assert list(find_shortest_cycles(build_graph(cyclic_subgraph(waits)))) == found
