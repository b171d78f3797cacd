"""Lazy sequences compute their items when they are used, and compare as lists do."""

from __future__ import annotations

from reconciler.model.lazy_sequence import LazySequence


def double(number: int) -> int:
    return 2 * number


def test_a_lazy_sequence_is_equal_to_any_sequence_with_its_items():
    doubles = LazySequence(double, (1, 2, 3))
    assert doubles == (2, 4, 6)
    assert doubles == [2, 4, 6]
    assert doubles == LazySequence(int, ["2", "4", "6"])
    assert doubles != (2, 4)
    assert doubles != (2, 4, 7)
    assert doubles != "246"


def test_the_items_of_a_lazy_sequence_are_found_by_index_and_slice():
    doubles = LazySequence(double, range(5))
    assert (len(doubles), doubles[1], doubles[-1]) == (5, 2, 8)
    assert doubles[1:3] == [2, 4]
    assert (4 in doubles, 5 in doubles) == (True, False)
    assert repr(doubles) == "(0, 2, 4, 6, 8)"


def test_only_the_items_that_are_used_are_computed():
    computed: list[int] = []

    def record(number: int) -> int:
        computed.append(number)
        return number

    numbers = LazySequence(record, range(1_000_000))
    assert (numbers[7], numbers[2:][0], next(iter(numbers))) == (7, 2, 0)
    assert computed == [7, 2, 0]
