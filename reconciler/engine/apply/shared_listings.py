"""Listings that the checks of several steps share.

A check of one step may need only one resource of a listing. Checks that run within a second get the response to one request, so
checking many steps of a small fleet takes few calls. Such a response needs no other thread.

Invariant: the request of a shared response was sent at most `MAX_AGE_SECONDS` before the check that uses it, or after the check began.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, TypeAlias

from attrs import define, field

from reconciler.engine.calls.batches import send_batch
from reconciler.kinds.base.context import Response
from reconciler.kinds.base.indexed_response import IndexedResponse
from reconciler.model.call import ApiCall, Batch, Call

MAX_AGE_SECONDS = 1.0

_SHARED_LISTINGS: Mapping[str, tuple[str, ...]] = {
    "ListBillingGroups": (),
    "ListCertificates": (),
    "ListPolicies": (),
    "ListTargetsForPolicy": ("policyName",),
    "ListThingGroups": (),
    "ListThings": (),
    "ListThingsInBillingGroup": ("billingGroupName",),
    "ListThingsInThingGroup": ("thingGroupName",),
}
"""The parameters of each shared listing, by operation.

Only listings with `max_items` are shared: the reads of many resources limit their listings, those of a single one do not.
"""

_Key: TypeAlias = tuple[str, tuple[Any, ...], int]
"""The operation of a listing, the values of its parameters, and the maximum number of its items."""


@define
class _Listing:
    """When the latest request for a listing was sent, and its response; `lock` is held while it is sent."""

    latest: tuple[float, Response] | None = None
    lock: threading.Lock = field(factory=threading.Lock)

    def recall(self, earliest: float) -> Response | None:
        """Return the response if it was requested at `earliest` or later, else None."""
        latest = self.latest
        return latest[1] if latest and latest[0] >= earliest else None


class SharedListings:
    """Answers calls, and repeats a listing only if its previous response is too old. Thread-safe.

    `pool` sends the calls of a batch.
    """

    def __init__(self, call: Call, pool: Executor, clock: Callable[[], float] = time.monotonic) -> None:
        self._call = call
        self._pool = pool
        self._clock = clock
        self._listings: dict[_Key, _Listing] = {}
        self._lock = threading.Lock()

    def answer(self, batch: Batch) -> Sequence[Response]:
        """Return the responses to a batch of calls, in their order."""
        earliest = self._clock() - MAX_AGE_SECONDS
        responses = [self._recall(call, earliest) for call in batch]
        unknown = [call for call, response in zip(batch, responses, strict=True) if response is None]
        sent = send_batch(unknown, partial(self._request, earliest=earliest), self._pool)
        return [next(sent) if response is None else response for response in responses]

    def _recall(self, call: ApiCall, earliest: float) -> Response | None:
        """Return the response to the same listing if it was requested at `earliest` or later, or None."""
        listing = self._find_listing(call)
        return listing.recall(earliest) if listing else None

    def _request(self, call: ApiCall, earliest: float) -> Response:
        """Return the response to a call.

        Only one thread at a time requests a listing; those that wait for it meanwhile share its response.
        """
        listing = self._find_listing(call)
        if listing is None:
            return self._call(call)
        with listing.lock:
            response = listing.recall(earliest)
            if response is None:
                requested_at = self._clock()
                response = IndexedResponse(self._call(call))
                listing.latest = requested_at, response
            return response

    def _find_listing(self, call: ApiCall) -> _Listing | None:
        """Return the listing that a call requests, or None if it is not shared."""
        if call.max_items is None or _SHARED_LISTINGS.get(call.operation) != tuple(call.params):
            return None
        key = (call.operation, tuple(call.params.values()), call.max_items)
        with self._lock:
            return self._listings.setdefault(key, _Listing())
