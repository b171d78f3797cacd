"""A listing that many re-reads share is searched once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.kinds.base.indexed_response import IndexedResponse, collect_values, index_items

PUMP, VALVE = {"thingName": "pump", "version": 1}, {"thingName": "valve", "version": 2}


class CountedList(list):
    """A list that counts how often it is iterated over."""

    iterations = 0

    def __iter__(self) -> Iterator:
        self.iterations += 1
        return super().__iter__()


def test_items_and_values_are_found_in_any_response():
    response = {"things": [PUMP, VALVE], "targets": ["a", "b", "a"]}

    for searched_response in (response, IndexedResponse(response)):
        assert index_items(searched_response, "things", "thingName") == {"pump": PUMP, "valve": VALVE}
        assert collect_values(searched_response, "targets") == {"a", "b"}
        assert collect_values(searched_response, "nextToken") == frozenset()


@pytest.mark.parametrize(
    "search",
    [
        lambda response: index_items(response, "things", "thingName"),
        lambda response: collect_values(response, "names"),
    ],
    ids=["items", "values"],
)
def test_a_shared_list_is_iterated_over_once(search):
    things, names = CountedList([PUMP, VALVE]), CountedList(["pump", "valve"])
    response = IndexedResponse({"things": things, "names": names})

    results = [search(response) for _ in range(3)]

    assert results[0] is results[1] is results[2]
    assert things.iterations + names.iterations == 1
