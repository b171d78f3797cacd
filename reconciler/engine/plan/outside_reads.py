"""Read what a plan needs outside the file: each distinct call once, all calls of a round together.

Many resources of one kind are looked up in the kind's listing, if that takes no longer than describing each of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import define, field

from reconciler.engine.calls.send import send
from reconciler.engine.plan.read_tracker import Progress
from reconciler.engine.threads import ContextThreadPool
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import CallKey, Response, build_call_key
from reconciler.kinds.base.indexed_response import IndexedResponse
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.outside import ProblemRead, ResourceNeed
from reconciler.kinds.base.outside_services import OUTSIDE_SERVICES
from reconciler.kinds.base.reads import DESCRIBES_PER_PAGE, PAGE_SIZE, has_more_pages
from reconciler.model.call import ApiCall, Call
from reconciler.model.errors import NO_ACCESS_CODES, AwsError, TargetError

_MAX_CONCURRENT_CALLS = 32
_DENIED_CODES = NO_ACCESS_CODES - {"UnknownOperationException"}
"""The error codes for a missing permission; an endpoint may also lack a service that the kinds do without."""


NeedKey: TypeAlias = tuple[Any, ...]
"""The identity of a need, as a tuple."""

ListedItems: TypeAlias = Mapping[str, Mapping[str, Any]]
"""The items of a complete listing, by the name or ID of the resource."""


def list_resources(needs: Iterable[ResourceNeed], call: Call) -> Mapping[str, ListedItems]:
    """Return the needed resources that exist, by table, for each table that is listed to its end.

    Listing takes at most half as long as describing each resource, so it is used only for many.
    """
    identities: defaultdict[str, set[str]] = defaultdict(set)
    for need in needs:
        identities[need.table].add(need.identity)
    listings = {table: _list_table(all_kinds()[table], ids, call) for table, ids in identities.items()}
    return {table: items for table, items in listings.items() if items is not None}


def _list_table(kind: Kind, identities: Collection[str], call: Call) -> ListedItems | None:
    """Return the resources with these IDs that exist, or None if the listing was not read to its end."""
    listing, pages = kind.listing, len(identities) // (2 * DESCRIBES_PER_PAGE)
    if listing is None or not pages or not (kind.description and kind.description.is_listed):
        return None
    request = ApiCall(kind.service, listing.operation, max_items=pages * PAGE_SIZE)
    try:
        response = send(call, request, {})
    except AwsError as error:
        if error.code not in NO_ACCESS_CODES:
            raise
        return None
    if has_more_pages(response):
        return None
    items = listing.get_items(response)
    return {identity: items[identity] for identity in identities if identity in items}


@define
class OutsideReader:
    """Runs many reads at once and sends each distinct call once.

    `responses` has the known responses, None for a call that the caller may not send; `denied` has the service and operation
    of each such call. `failures` has the first other error of each service in `OUTSIDE_SERVICES`, which then gets no more calls.
    """

    _call: Call
    _progress: Progress
    _responses: dict[CallKey, Response | None]
    denied: set[tuple[str, str]] = field(init=False, factory=set)
    failures: dict[str, AwsError | TargetError] = field(init=False, factory=dict)

    def run(self, reads: Mapping[NeedKey, ProblemRead]) -> dict[NeedKey, str | None]:
        """Return the results of the reads, without those that need a call that got no usable response."""
        results: dict[NeedKey, str | None] = {}
        inputs: dict[NeedKey, Any] = dict.fromkeys(reads)
        while inputs:
            batches: dict[NeedKey, Sequence[ApiCall]] = {}
            for key, value in inputs.items():
                try:
                    batches[key] = reads[key].send(value)
                except StopIteration as stop:
                    results[key] = stop.value
            self._send_missing(request for batch in batches.values() for request in batch)
            inputs = {}
            for key, batch in batches.items():
                responses = [self._responses[build_call_key(request)] for request in batch]
                if None not in responses:
                    inputs[key] = responses
        return results

    def _send_missing(self, requests: Iterable[ApiCall]) -> None:
        missing = {
            key: request for request in requests if (key := build_call_key(request)) not in self._responses
        }
        if not missing:
            return
        with ContextThreadPool(min(len(missing), _MAX_CONCURRENT_CALLS)) as pool:
            responses = pool.map(self._send, missing.values())
            for count, (key, response) in enumerate(zip(missing, responses, strict=True), start=1):
                self._responses[key] = response
                self._progress("checking references outside the file", count, len(missing))

    def _send(self, request: ApiCall) -> Response | None:
        if request.service in self.failures:
            return None
        try:
            return IndexedResponse(send(self._call, request, {}))
        except AwsError as error:
            is_outside = request.service in OUTSIDE_SERVICES
            if error.code in (_DENIED_CODES if is_outside else NO_ACCESS_CODES):
                self.denied.add((request.service, request.operation))
            elif is_outside:
                self.failures.setdefault(request.service, error)
            else:
                raise
        except TargetError as error:
            if request.service not in OUTSIDE_SERVICES:
                raise
            self.failures.setdefault(request.service, error)
        return None
