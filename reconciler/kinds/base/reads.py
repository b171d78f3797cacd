"""Read resources with as few calls as possible in any account, and match them with the file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar, overload

from reconciler.kinds.base.context import Read, Response, Scope
from reconciler.kinds.base.indexed_response import index_items
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.tags import OWNER_TAG, from_tag_list
from reconciler.model.call import ApiCall, Batch
from reconciler.model.lazy_sequence import LazySequence
from reconciler.model.resource import NOT_COMPARED, Live, Resource

PAGE_SIZE = 250
"""The maximum number of items in one page of AWS IoT's listings (API reference, `maxResults`)."""

DESCRIBES_PER_PAGE = 35
"""The number of DescribeThing calls that take as long as one page of ListThings.

AWS allows 350 of the former and 10 of the latter per second.
"""

NOT_FOUND = frozenset({"ResourceNotFoundException"})
VERSION_CONFLICT = "VersionConflictException"

T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")


def list_or_describe(  # noqa: PLR0913 (each is one fact about the listing)
    ids: Collection[str],
    *,
    listing: ApiCall,
    items: str,
    key: str,
    max_pages: int,
    describe: Callable[[str], ApiCall],
) -> Read[dict[str, Response]]:
    """Return the existing resources with these IDs, by ID: listed items, or responses of `describe`.

    A page lists hundreds of resources, but an account may have millions that the file does not need. So at most `max_pages`
    pages are read; IDs that are not on these pages are described. Callers choose `max_pages` so that reading the pages takes
    about as long as describing every ID. `describe` has to ignore the error for a resource that does not exist. `items` is the
    response's member with the list, `key` the member of each item with its ID.
    """
    if not ids:
        return {}
    if not max_pages:
        return (yield from _describe_all(ids, describe))
    limit = max_pages * PAGE_SIZE
    (response,) = yield [ApiCall(listing.service, listing.operation, listing.params, max_items=limit)]
    listed = index_items(response, items, key)
    resources = {identity: listed[identity] for identity in ids if identity in listed}
    if has_more_pages(response):
        resources |= yield from _describe_all(sorted(set(ids) - resources.keys()), describe)
    return {identity: resources[identity] for identity in ids if identity in resources}


def _describe_all(ids: Collection[str], describe: Callable[[str], ApiCall]) -> Read[dict[str, Response]]:
    responses = yield [describe(identity) for identity in ids]
    return {identity: response for identity, response in zip(ids, responses, strict=True) if response}


def has_more_pages(response: Response) -> bool:
    """Return whether a listing has more items than the response."""
    return any("token" in member.lower() or member == "nextMarker" for member in response)


@overload
def merge_reads(first: Read[T1], second: Read[T2], /) -> Read[tuple[T1, T2]]: ...
@overload
def merge_reads(first: Read[T1], second: Read[T2], third: Read[T3], /) -> Read[tuple[T1, T2, T3]]: ...
@overload
def merge_reads(*reads: Read[Any]) -> Read[tuple[Any, ...]]: ...
def merge_reads(*reads: Read[Any]) -> Read[tuple[Any, ...]]:
    """Return the results of several reads, whose calls are sent in common batches.

        principals, groups = yield from merge_reads(
            request_each("ListThingPrincipalsV2", "thingName", names), read_groups_of_things(names)
        )

    The first batch then has the calls of both reads, which alternate: every operation has its own quota, so no read has
    to wait for all calls of another. A read that needs more batches than the others continues alone.
    """
    results: list[Any] = [None] * len(reads)
    # The responses that each unfinished read receives next, by the read's index; None starts a read.
    inputs: dict[int, Any] = dict.fromkeys(range(len(reads)))
    while True:
        batches: dict[int, Batch] = {}
        for index, responses in inputs.items():
            try:
                batches[index] = reads[index].send(responses)
            except StopIteration as stop:
                results[index] = stop.value
        if not batches:
            return tuple(results)
        if len(batches) == 1:
            ((index, batch),) = batches.items()
            inputs = {index: (yield batch)}
            continue
        # First the first call of every read, then the second of every read, and so on.
        turns = sorted((turn, index) for index, batch in batches.items() for turn in range(len(batch)))
        merged_responses = yield [batches[index][turn] for turn, index in turns]
        inputs = {index: [] for index in batches}
        for (_, index), response in zip(turns, merged_responses, strict=True):
            inputs[index].append(response)


def list_names(kind: Kind, scope: Scope) -> Read[Sequence[str]]:
    """Return the names of all resources of a kind; in a re-read, the names to read, without a call."""
    if scope.previous_states is not None:
        return sorted(scope.previous_states)
    assert kind.listing
    (response,) = yield [ApiCall(kind.service, kind.listing.operation)]
    return [*kind.listing.iterate_ids(response)]


def list_arns(kind: Kind, scope: Scope) -> Read[dict[str, str]]:
    """Return the ARNs of all resources of a kind, by name or ID; in a re-read, of the resources to read.

    A re-read sends no call if the previous read found all of these resources.
    """
    known_arns = {name: live.arn for name, live in (scope.previous_states or {}).items() if live}
    if scope.previous_states is not None and known_arns.keys() == scope.previous_states.keys():
        return known_arns
    assert kind.listing
    assert kind.listing.arn_key
    (response,) = yield [ApiCall(kind.service, kind.listing.operation)]
    return {name: arn for name, arn in kind.listing.get_arns(response).items() if scope.includes(name)}


def read_tags_of_desired_or_owned(
    scope: Scope, desired_ids: Collection[str], arns: Mapping[str, str]
) -> Read[dict[str, dict[str, str]]]:
    """Read the tags of all resources in `arns`, and return those of the desired or owned resources.

    Both `arns` and the result are by name or ID. A re-read returns the tags of all resources.
    """
    responses = yield [
        ApiCall("iot", "ListTagsForResource", {"resourceArn": arn}, ignored_errors=NOT_FOUND)
        for arn in arns.values()
    ]
    tags_by_name = {
        name: from_tag_list(response.get("tags", ())) for name, response in zip(arns, responses, strict=True)
    }
    return {
        name: tags
        for name, tags in tags_by_name.items()
        if scope.previous_states is not None or name in desired_ids or tags.get(OWNER_TAG) == scope.workspace
    }


def request_each(
    operation: str,
    member: str,
    values: Collection[str],
    *,
    service: str = "iot",
    max_items: int | None = None,
) -> Read[Sequence[Response]]:
    """Send an operation once for each value of its parameter `member`, and return the responses.

    The responses are in the order of the values. A response is empty if AWS finds nothing. A listing stops after `max_items`.
    """

    def build_call(value: str) -> ApiCall:
        return ApiCall(service, operation, {member: value}, ignored_errors=NOT_FOUND, max_items=max_items)

    return (yield LazySequence(build_call, [*values]))


def list_each(
    operation: str, member: str, values: Collection[str], max_pages: int
) -> Read[Sequence[Response] | None]:
    """Return the same responses of a listing, or None if one of them has more than `max_pages` pages."""
    responses = yield from request_each(operation, member, values, max_items=max_pages * PAGE_SIZE)
    return None if any(map(has_more_pages, responses)) else responses


def pair_by_name_tag(
    kind: Kind, missing: Collection[Resource], spare: Collection[Live], scope: Scope
) -> Mapping[str, str]:
    """Match spare live resources with missing ones, and return the missing ones' names by live identity.

    A live resource matches the missing resource whose name, now or before a move, is in its name tag; one without a match is
    left out. An interrupted replacement leaves two live resources with the same name tag; the one that differs from the
    desired state in fewer fields is matched.
    """
    desired_specs = {
        resource.address.name: kind.compute_effective_spec(resource, scope) for resource in missing
    }
    names = {live.identity: scope.find_current_name(kind.table, live.declared_name) or "" for live in spare}

    def count_differences(live: Live) -> int:
        return _count_differences(kind, live.spec, desired_specs.get(names[live.identity]))

    identities: dict[str, str] = {}
    for live in sorted(spare, key=count_differences):
        name = names[live.identity]
        if name in desired_specs:
            identities.setdefault(name, live.identity)
    return {identity: name for name, identity in identities.items()}


def _count_differences(kind: Kind, spec: Any, desired_spec: Any) -> int:
    """Return the number of compared fields in which two specs differ; 0 without a desired spec."""
    if desired_spec is None:
        return 0
    values = [
        (getattr(spec, name), getattr(desired_spec, name))
        for name, member in kind.members.items()
        if member.on_change != "create_only"
    ]
    return sum(1 for before, after in values if before != after and NOT_COMPARED not in (before, after))
