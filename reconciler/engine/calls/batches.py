"""Send many calls at the same time, and return their responses in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future
from typing import Any

from reconciler.engine.calls.send import send
from reconciler.model.call import Batch, Call

_MAX_CALLS_IN_FLIGHT = 32
"""Leaves room for other batches in the same pool while the calls of one batch wait for their quota."""


def send_batch(batch: Batch, call: Call, pool: Executor) -> Iterator[Mapping[str, Any]]:
    """Yield the responses in the order of their calls, with a limited number of calls in flight.

    A single call needs no other thread.
    """
    if len(batch) == 1:
        yield send(call, batch[0], {})
        return
    in_flight: deque[Future[Mapping[str, Any]]] = deque()
    try:
        for request in batch:
            if len(in_flight) == _MAX_CALLS_IN_FLIGHT:
                yield in_flight.popleft().result()
            in_flight.append(pool.submit(send, call, request, {}))
        while in_flight:
            yield in_flight.popleft().result()
    finally:
        for future in in_flight:
            future.cancel()
