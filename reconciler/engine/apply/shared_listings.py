"""Listings that the checks of several steps share.

A check of one step may need only one resource of a listing. Checks that run within a second get the response to one request, so
checking many steps of a small fleet takes few calls.

Invariant: a shared response is at most `MAX_AGE_SECONDS` old, counted from when its request was sent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field

from reconciler.model.call import ApiCall, Call

MAX_AGE_SECONDS = 1.0

_SHARED_OPERATIONS = frozenset({"ListCertificates", "ListThings"})


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
        self._listings: dict[tuple[str, int | None], _Listing] = {}
        self._lock = threading.Lock()

    def __call__(self, call: ApiCall) -> Mapping[str, Any]:
        """Return the response to a call, or that to the same listing at most `MAX_AGE_SECONDS` ago."""
        if call.operation not in _SHARED_OPERATIONS or call.params:
            return self._call(call)
        with self._lock:
            listing = self._listings.setdefault((call.operation, call.max_items), _Listing())
        with listing.lock:
            now = self._clock()
            if listing.response is None or now - listing.sent_at > MAX_AGE_SECONDS:
                listing.response, listing.sent_at = self._call(call), now
            return listing.response
