"""Merged reads: they share batches of calls, and each gets its own responses."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.base.reads import merge_reads
from reconciler.model.call import ApiCall


def read_numbers(name: str, sizes: Sequence[int]):
    """Yield one batch of calls for each size, as a read does, and return the responses to all of them."""
    all_responses = []
    for size in sizes:
        responses = yield [ApiCall("iot", name, {"n": number}) for number in range(size)]
        all_responses.append(responses)
    return all_responses


def respond(call: ApiCall) -> str:
    return f"{call.operation}{call.params['n']}"


def run_read(read):
    """Return what a read returns, and the responses to its batches."""
    batches, batch = [], next(read, None)
    while True:
        batches.append([respond(call) for call in batch])
        try:
            batch = read.send([respond(call) for call in batch])
        except StopIteration as stop:
            return stop.value, batches


def test_a_batch_of_merged_reads_takes_a_call_of_each_read_in_turn():
    _, batches = run_read(merge_reads(read_numbers("a", [3, 1]), read_numbers("b", [1, 2])))
    assert batches == [["a0", "b0", "a1", "a2"], ["a0", "b0", "b1"]]


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), min_size=1, max_size=4))
def test_every_merged_read_gets_only_its_own_responses(sizes_by_read):
    reads = [read_numbers(f"r{index}-", sizes) for index, sizes in enumerate(sizes_by_read)]
    results, _ = run_read(merge_reads(*reads))
    assert results == tuple(
        [[f"r{index}-{number}" for number in range(size)] for size in sizes]
        for index, sizes in enumerate(sizes_by_read)
    )


def test_merged_reads_can_be_merged_again():
    inner = merge_reads(read_numbers("b", [1]), read_numbers("c", [2]))
    results, batches = run_read(merge_reads(read_numbers("a", [1]), inner))
    assert results == ([["a0"]], ([["b0"]], [["c0", "c1"]]))
    assert batches == [["a0", "b0", "c0", "c1"]]
