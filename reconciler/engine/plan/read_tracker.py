"""Track the reads of a refresh: their progress, what their listings had, and what kinds need later."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import CallKey, Response, build_call_key
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.reads import has_more_pages
from reconciler.model.call import ApiCall, Batch

if TYPE_CHECKING:
    from reconciler.engine.remembered.edges import RememberedEdges

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Receives an activity, the number of finished items, and the total number of items, None if it is unknown."""


class ReadTracker:
    """The progress of the reads: how many calls have a response, and which IDs listings had. Thread-safe."""

    def __init__(self, progress: Progress, remembered: RememberedEdges | None = None) -> None:
        self._progress = progress
        self._remembered = remembered
        self._lock = threading.Lock()
        self._response_count = 0
        self._call_count = 0
        self.listed_ids: defaultdict[Listing, set[str]] = defaultdict(set)
        self.partially_listed: set[Listing] = set()
        self.kept_responses: dict[CallKey, Response] = {}
        self._listings = {
            (kind.service, kind.listing.operation): kind.listing
            for kind in all_kinds().values()
            if kind.listing
        }

    def is_unread(self, listing: Listing, *, list_all: bool) -> bool:
        """Return whether a listing was not read or, with `list_all`, not to its end."""
        return listing not in self.listed_ids or (list_all and listing in self.partially_listed)

    def expect(self, count: int) -> None:
        """Add the calls of a batch to the total."""
        with self._lock:
            self._call_count += count

    def recall(self, batch: Batch) -> Sequence[Response | None]:
        """Return the remembered response to each call of a batch, None for those to send."""
        return self._remembered.recall(batch) if self._remembered else [None] * len(batch)

    def note_sent(self, request: ApiCall, response: Response) -> None:
        """Take note of the response to a call that was sent."""
        if self._remembered:
            self._remembered.record(request, response)

    def record(self, kind: Kind, request: ApiCall, response: Mapping[str, Any]) -> None:
        """Count one response, remember the IDs that it lists, and keep it if the kind needs it later."""
        with self._lock:
            self._response_count += 1
            if request.operation in kind.kept_operations:
                self.kept_responses[build_call_key(request)] = response
            listing = self._listings.get((request.service, request.operation))
            if listing and not request.params:
                self._record_listing(listing, response)
            self._progress(f"reading {kind.table.replace('_', ' ')}", self._response_count, self._call_count)

    def _record_listing(self, listing: Listing, response: Mapping[str, Any]) -> None:
        """Remember the IDs in a listing; one read may list only a part of what another lists to the end."""
        is_complete_already = listing in self.listed_ids and listing not in self.partially_listed
        self.listed_ids[listing].update(listing.iterate_ids(response))
        if is_complete_already or not has_more_pages(response):
            self.partially_listed.discard(listing)
        else:
            self.partially_listed.add(listing)
