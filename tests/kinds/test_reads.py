"""Readings that go on side by side."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.base.reads import merge_reads
from reconciler.model.call import ApiCall


def reading(name: str, sizes: Sequence[int]):
    """Asks as many questions as it is told to, again and again, and finds what it was answered."""
    heard = []
    for size in sizes:
        answers = yield [ApiCall("iot", name, {"n": number}) for number in range(size)]
        heard.append(answers)
    return heard


def answer(call: ApiCall) -> str:
    return f"{call.operation}{call.params['n']}"


def ended(running):
    """What a reading finds, and what it asked, batch by batch."""
    asked, batch = [], next(running, None)
    while True:
        asked.append([answer(call) for call in batch])
        try:
            batch = running.send([answer(call) for call in batch])
        except StopIteration as stop:
            return stop.value, asked


def test_their_calls_take_turns_and_the_rest_of_the_longer_one_follows():
    _, asked = ended(merge_reads(reading("a", [3, 1]), reading("b", [1, 2])))
    assert asked == [["a0", "b0", "a1", "a2"], ["a0", "b0", "b1"]]


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), min_size=1, max_size=4))
def test_each_hears_its_own_answers_and_nothing_else(sizes):
    found, _ = ended(merge_reads(*(reading(f"r{place}-", each) for place, each in enumerate(sizes))))
    assert found == [
        [[f"r{place}-{number}" for number in range(size)] for size in each]
        for place, each in enumerate(sizes)
    ]


def test_some_of_it_can_be_together_again():
    found, asked = ended(merge_reads(reading("a", [1]), merge_reads(reading("b", [1]), reading("c", [2]))))
    assert (found, asked) == ([[["a0"]], [[["b0"]], [["c0", "c1"]]]], [["a0", "b0", "c0", "c1"]])
