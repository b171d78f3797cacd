"""Refresh: read live state, all kinds at the same time, and replace AWS's IDs with names."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Executor, Future
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, TypeAlias

from attrs import evolve

from reconciler.engine.calls.batches import send_batch
from reconciler.engine.calls.send import send
from reconciler.engine.plan.names import Names, assign_names
from reconciler.engine.plan.read_tracker import Progress, ReadTracker
from reconciler.engine.processors import stay_on_one_processor
from reconciler.engine.threads import ContextThreadPool
from reconciler.frozen_classes import field, frozen
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import CallKey, Response, Scope
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.normalize import normalize_spec
from reconciler.kinds.base.schema import list_secret_members
from reconciler.kinds.shared.ownership_markers import add_ownership_markers
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Batch, Call
from reconciler.model.errors import NO_ACCESS_CODES, AwsError, TargetError
from reconciler.model.plan import Basis
from reconciler.model.redaction import register_secret, register_secret_attributes
from reconciler.model.resource import Desired, Inventory, Live
from reconciler.model.run import RunCall
from reconciler.model.secret import walk_secrets
from reconciler.model.settings import DesiredState

if TYPE_CHECKING:
    from reconciler.engine.remembered.edges import RememberedEdges

MAX_CONCURRENT_CALLS = 64
_MAX_LISTED_BY_PLANS = 1_000
"""The most IDs that a plan reads of a listing that it does not need, such as that of things for a file without things.

These are four pages, of which AWS allows ten in a second; an account may have millions of things.
"""
_MAX_LISTED_BY_DRIFT = 100_000
"""The most IDs that a drift reads of one listing: 400 pages, which take 40 seconds."""


@frozen
class RefreshResult:
    """Live state, and how far it was read.

    - `declared`: the file's resources and the workspace's ownership markers;
    - `resources`: the same as `declared`, but without composites if everything will be deleted;
    - `live`: the live resources that the file declares or the workspace owns;
    - `unlisted`: why a kind could not be read, by table; the file has no resource of such a kind;
    - `uncounted`: why a kind's unmanaged resources could not be listed, by table, although the others were read;
    - `names`: the name of each live resource, by table and AWS ID; None for a resource that is only kept for a grace period;
    - `listed_ids`: the IDs of all resources in the listings that were read, managed or not;
    - `partially_listed`: the listings that were not read to the end;
    - `kept_responses`: the responses to the calls of the kinds' `kept_operations`.
    """

    declared: Desired
    resources: Desired
    live: Inventory
    unlisted: Mapping[str, str]
    uncounted: Mapping[str, str]
    names: Names
    listed_ids: Mapping[Listing, AbstractSet[str]]
    partially_listed: AbstractSet[Listing]
    kept_responses: Mapping[CallKey, Response] = field(factory=dict)


_INVALID_ID_CODES = frozenset({"InvalidRequestException", "ValidationException", "ParameterValidation"})
"""The error codes for a name that no resource of its kind can have."""


AnswerBatch: TypeAlias = Callable[[Batch], Sequence[Response]]
"""Returns the responses to a batch of calls, in their order."""


def refresh(  # noqa: PLR0913 (what is read, how, and for what)
    state: DesiredState,
    call: Call,
    progress: Progress,
    *,
    destroying: bool = False,
    list_all: bool = False,
    unanswered_calls: Sequence[RunCall] = (),
    remembered: RememberedEdges | None = None,
) -> RefreshResult:
    """Read everything that the file declares or the workspace owns. Raises AwsError and TargetError.

    `unanswered_calls` are those of ended runs that may have created resources. With `destroying`, composites are read as the resources that they consist of; otherwise, listings that no kind needs are
    read too, so that unmanaged resources are known: their first pages or, with `list_all`, all pages up to a limit. Calls that
    `remembered` answers are not sent.
    """
    kinds = all_kinds()
    workspace = state.settings.name
    declared = add_ownership_markers(workspace, state.resources)
    resources = _remove_composites(declared) if destroying else declared
    scope = Scope(
        workspace,
        resources,
        is_destroy=destroying,
        moved=state.moved,
        secret_attributes=find_secret_attributes(declared),
        unanswered_calls=unanswered_calls,
        may_remember=remembered is not None,
    )
    tracker = ReadTracker(progress, remembered)
    # Every kind has a thread, because kinds wait for each other, and so have the remembered edges.
    with (
        stay_on_one_processor(),
        ContextThreadPool(MAX_CONCURRENT_CALLS) as pool,
        ContextThreadPool(len(kinds) + 1) as readers,
    ):
        if remembered:
            remembered.begin_pass(readers)
        reads: dict[str, Future[Sequence[Live] | str]] = {}
        for table in _sort_into_read_order():
            earlier_reads = {other: reads[other] for other in kinds[table].reads_after}
            reads[table] = readers.submit(_read_kind, kinds[table], scope, earlier_reads, call, pool, tracker)
        results = {table: future.result() for table, future in reads.items()}
        unlisted = {table: reason for table, reason in results.items() if isinstance(reason, str)}
        uncounted: Mapping[str, str] = {}
        if not destroying:
            uncounted = _list_unread(unlisted, call, pool, tracker, list_all=list_all)
    live, names = assign_names(evolve(scope, live_by_kind=_ReadResults(reads), now=time.time()))
    return RefreshResult(
        declared=declared,
        resources=resources,
        live=live,
        unlisted=unlisted,
        uncounted=uncounted,
        names=names,
        listed_ids=tracker.listed_ids,
        partially_listed=tracker.partially_listed,
        kept_responses=tracker.kept_responses,
    )


def reread(
    kind: Kind,
    previous_states: Mapping[str, Live | None] | None,
    *,
    workspace: str,
    basis: Basis,
    answer: AnswerBatch,
) -> Mapping[str, Live]:
    """Return resources of one kind as they are now, by AWS ID.

    Their references to other resources are AWS IDs, not names. `previous_states` has the AWS IDs of the resources to read, each
    with the state that was read before, None if it was not read or did not exist. Without `previous_states`, all resources of
    this kind that the workspace declares or owns are read, as far as that is possible without reading other kinds.
    """
    scope = Scope(
        workspace,
        basis.desired,
        now=time.time(),
        previous_states=previous_states,
        moved=basis.moved,
        secret_attributes=basis.secret_attributes,
        reread_pages=basis.reread_pages,
    )
    live_resources = _run_read(kind, scope, answer)
    return {live.identity: live for live in live_resources}


def read_unmanaged(state: DesiredState, address: Address, call: Call) -> Live | None:
    """Return an unmanaged resource, by its name or ID in AWS; None if there is none.

    Its references to other resources are AWS IDs, not names. Raises AwsError and TargetError.
    """
    kind = all_kinds()[address.kind]
    if kind.listing is None and kind.only_name is None:
        return None
    basis = Basis(
        state.resources, moved=state.moved, secret_attributes=find_secret_attributes(state.resources)
    )
    with ContextThreadPool(MAX_CONCURRENT_CALLS) as pool:
        try:
            live = reread(
                kind,
                {address.name: None},
                workspace=state.settings.name,
                basis=basis,
                answer=lambda batch: [*send_batch(batch, call, pool)],
            )
        except AwsError as error:
            if error.code not in _INVALID_ID_CODES:
                raise
            return None
    return live.get(address.name)


def _remove_composites(resources: Desired) -> Desired:
    kinds = all_kinds()
    return {
        address: resource for address, resource in resources.items() if not kinds[address.kind].composed_of
    }


def _sort_into_read_order() -> list[str]:
    """Return the tables of all kinds, each after the kinds in its `reads_after`."""
    sorter = TopologicalSorter({table: sorted(kind.reads_after) for table, kind in all_kinds().items()})
    return list(sorter.static_order())


def _read_kind(  # noqa: PLR0913, PLR0917 (run by a pool, which passes its arguments by position)
    kind: Kind,
    scope: Scope,
    earlier_reads: Mapping[str, Future[Sequence[Live] | str]],
    call: Call,
    pool: ContextThreadPool,
    tracker: ReadTracker,
) -> Sequence[Live] | str:
    """Return the live resources of one kind, or why a kind that the file does not use cannot be listed."""
    scope = evolve(scope, live_by_kind=_ReadResults(earlier_reads), now=time.time())
    is_declared = any(True for _ in scope.iterate_resources(kind.table))
    try:
        return _run_read(kind, scope, lambda batch: _answer_batch(kind, batch, call, pool, tracker))
    except AwsError as error:
        if is_declared or error.code not in NO_ACCESS_CODES:
            raise
        return str(error)
    except TargetError as error:
        # A region may have AWS IoT without managed integrations, whose endpoint then cannot be reached.
        if is_declared or kind.service == "iot":
            raise
        return str(error)


def _list_unread(
    unlisted: Collection[str], call: Call, pool: Executor, tracker: ReadTracker, *, list_all: bool
) -> Mapping[str, str]:
    """List the kinds whose listing no read needed or, with `list_all`, did not read to its end.

    Returns why a kind could not be listed, by table. Only pages are read: no resource is described.
    """
    max_listed = _MAX_LISTED_BY_DRIFT if list_all else _MAX_LISTED_BY_PLANS
    kinds_by_listing: dict[Listing, Kind] = {}
    for kind in all_kinds().values():
        if kind.listing and kind.table not in unlisted:
            kinds_by_listing.setdefault(kind.listing, kind)
    kinds = [
        kind for listing, kind in kinds_by_listing.items() if tracker.is_unread(listing, list_all=list_all)
    ]
    tracker.expect(len(kinds))
    reasons = pool.map(lambda kind: _list_ids(kind, max_listed, call, tracker), kinds)
    return {kind.table: reason for kind, reason in zip(kinds, reasons, strict=True) if reason}


def _list_ids(kind: Kind, max_listed: int, call: Call, tracker: ReadTracker) -> str:
    """List a kind, and return why that was not possible, or an empty string."""
    assert kind.listing
    listing = kind.listing
    request = ApiCall(
        kind.service, listing.operation, max_items=max_listed, ignored_errors=listing.ignored_errors
    )
    try:
        tracker.record(kind, request, send(call, request, {}))
    except AwsError as error:
        if error.code not in NO_ACCESS_CODES:
            raise
        return str(error)
    return ""


def find_secret_attributes(declared: Desired) -> frozenset[str]:
    """Return the names of the thing attributes that the file fills with secrets."""
    evaluations = (resource.evaluation for resource in declared.values())
    return frozenset().union(*(evaluation.secret_attributes for evaluation in evaluations if evaluation))


def _run_read(kind: Kind, scope: Scope, answer: AnswerBatch) -> Sequence[Live]:
    """Read a kind, and return the live resources; `answer` is called with each batch of calls."""
    secret_members = list_secret_members(kind.spec_class)
    register_secret_attributes(secret_members)  # before a log can have them
    read = kind.read(scope)
    responses: Sequence[Response] | None = None
    while True:
        try:
            batch: Batch = next(read) if responses is None else read.send(responses)
        except StopIteration as stop:
            live_resources = [_normalize(live) for live in stop.value]
            if secret_members or scope.secret_attributes:
                _register_secrets(live_resources)
            return live_resources
        responses = answer(batch)


def _normalize(live: Live) -> Live:
    spec = normalize_spec(live.spec)
    return live if spec is live.spec else evolve(live, spec=spec)


def _register_secrets(live_resources: Sequence[Live]) -> None:
    """Register the secret values of live resources for redaction; this process may not know them yet."""
    for live in live_resources:
        for secret in walk_secrets(live.spec):
            if secret.value is not None:
                register_secret(secret.value)


def _answer_batch(
    kind: Kind, batch: Batch, call: Call, pool: Executor, tracker: ReadTracker
) -> Sequence[Response]:
    """Return the responses in the order of their calls, remembered ones and those of calls that are sent."""
    tracker.expect(len(batch))
    remembered = tracker.recall(batch)
    unknown = [request for request, response in zip(batch, remembered, strict=True) if response is None]
    sent = send_batch(unknown, call, pool)
    responses = []
    for request, known_response in zip(batch, remembered, strict=True):
        response = known_response
        if response is None:
            response = next(sent)
            tracker.note_sent(request, response)
        tracker.record(kind, request, response)
        responses.append(response)
    return responses


class _ReadResults(Mapping[str, Sequence[Live]]):
    """The live resources of each kind; access to a kind blocks until its read has ended."""

    def __init__(self, reads: Mapping[str, Future[Sequence[Live] | str]]) -> None:
        self._reads = reads

    def __getitem__(self, table: str) -> Sequence[Live]:
        result = self._reads[table].result()
        return () if isinstance(result, str) else result

    def __iter__(self) -> Iterator[str]:
        return iter(self._reads)

    def __len__(self) -> int:
        return len(self._reads)
