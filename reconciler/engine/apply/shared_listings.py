"""Listings that the checks of several steps share.

A check of one step may need only one resource of a listing. Checks that run within a second get the response to one request, so
checking many steps of a small fleet takes few calls.

Invariant: a shared response is at most `MAX_AGE_SECONDS` old, counted from when its request was sent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from attrs import define, field

from reconciler.model.call import ApiCall, Call

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
    """The latest response of a listing; `lock` is held while it is requested."""

    sent_at: float = 0.0
    response: Mapping[str, Any] | None = None
    lock: threading.Lock = field(factory=threading.Lock)


class SharedListings:
    """A `Call` that repeats a listing only if its previous response is too old. Thread-safe."""

    def __init__(self, call: Call, clock: Callable[[], float] = time.monotonic) -> None:
        self._call = call
        self._clock = clock
        self._listings: dict[_Key, _Listing] = {}
        self._lock = threading.Lock()

    def __call__(self, call: ApiCall) -> Mapping[str, Any]:
        """Return the response to a call, or that to the same listing at most `MAX_AGE_SECONDS` ago."""
        if call.max_items is None or _SHARED_LISTINGS.get(call.operation) != tuple(call.params):
            return self._call(call)
        with self._lock:
            key = (call.operation, tuple(call.params.values()), call.max_items)
            listing = self._listings.setdefault(key, _Listing())
        with listing.lock:
            now = self._clock()
            if listing.response is None or now - listing.sent_at > MAX_AGE_SECONDS:
                listing.response, listing.sent_at = self._call(call), now
            return listing.response
