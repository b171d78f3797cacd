"""How to find some resources among many at the least cost, whatever the account holds beside them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from typing import Any

from reconciler.kinds.base.kind import OWNER_TAG, Kind, Scope
from reconciler.kinds.base.tags import from_tag_list
from reconciler.model.call import ApiCall, Batch
from reconciler.model.resource import WHATEVER, Live, Resource

PAGE_SIZE = 250
"""Items a page of AWS IoT's listings may hold (API reference, `maxResults`)."""

DESCRIBES_PER_PAGE = 35
"""DescribeThing may be asked 350 times a second and ListThings 10 times: a page costs as much as 35 questions."""

NOT_FOUND = frozenset({"ResourceNotFoundException"})

Asking = Generator[Batch, Sequence[Mapping[str, Any]], dict[str, Mapping[str, Any]]]
Tagged = Generator[Batch, Sequence[Mapping[str, Any]], dict[str, dict[str, str]]]
Names = Generator[Batch, Sequence[Mapping[str, Any]], Sequence[str]]
Arns = Generator[Batch, Sequence[Mapping[str, Any]], dict[str, str]]
Together = Generator[Batch, Sequence[Mapping[str, Any]], list[Any]]
Details = Generator[Batch, Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]


def list_or_describe(  # noqa: PLR0913 (each is one fact about the listing)
    ids: Collection[str],
    *,
    listing: ApiCall,
    items: str,
    key: str,
    max_pages: int,
    describe: Callable[[str], ApiCall],
    use_listing: bool = True,
) -> Asking:
    """Those of `wanted` that exist, by id.

    Pages serve hundreds of resources a call, but an account may hold millions that are not ours. So at most `pages` pages
    are read, about what asking for each would cost, and what was not among them is asked for by name. `describe` calls
    tolerate that there is none. Where nothing is to be `listed`, each is asked for.
    """
    if not ids:
        return {}
    if not use_listing:
        singles = yield [describe(name) for name in ids]
        return {name: single for name, single in zip(ids, singles, strict=True) if single}
    (answer,) = yield [
        ApiCall(listing.service, listing.operation, listing.params, at_most=max(max_pages, 1) * PAGE_SIZE)
    ]
    found = {item[key]: item for item in answer[items]}
    if has_more_pages(answer):
        rest = sorted(set(ids) - found.keys())
        singles = yield [describe(name) for name in rest]
        found |= {name: single for name, single in zip(rest, singles, strict=True) if single}
    return {name: found[name] for name in ids if name in found}


def has_more_pages(answer: Mapping[str, Any]) -> bool:
    """Whether there is more of a listing than the answer has."""
    return any("token" in member.lower() or member == "nextMarker" for member in answer)


def merge_reads(*readings: Generator[Batch, Sequence[Mapping[str, Any]], Any]) -> Together:
    """What several readings find, in their order; what each asks next goes out beside what the others ask.

    Every operation has a quota of its own, so their calls take turns: none waits behind all of another's.
    """
    results: list[Any] = [None] * len(readings)
    answers: dict[int, Any] = dict.fromkeys(range(len(readings)))
    while True:
        batches: dict[int, Batch] = {}
        for place, answered in answers.items():
            try:
                batches[place] = readings[place].send(answered)
            except StopIteration as stop:
                results[place] = stop.value
        if not batches:
            return results
        turns = sorted((turn, place) for place, batch in batches.items() for turn in range(len(batch)))
        found = yield [batches[place][turn] for turn, place in turns]
        answers = {place: [] for place in batches}
        for (_, place), answer in zip(turns, found, strict=True):
            answers[place].append(answer)


def list_names(kind: Kind, scope: Scope, operation: str) -> Names:
    """The names of all of one kind, in pages; where some are read again, theirs: an account may have very many beside them."""
    if scope.previous_states is not None:
        return sorted(scope.previous_states)
    assert kind.listing
    (answer,) = yield [ApiCall(kind.service, operation)]
    return [*kind.listing.ids(answer)]


def list_arns(kind: Kind, scope: Scope, operation: str, member: str) -> Arns:
    """The same with their ARNs, which a listing has in this member; no listing is read for what has been seen before."""
    seen = {name: live.facts["arn"] for name, live in (scope.previous_states or {}).items() if live}
    if scope.previous_states is not None and seen.keys() == scope.previous_states.keys():
        return seen
    assert kind.listing
    (answer,) = yield [ApiCall(kind.service, operation)]
    found = {item[kind.listing.key]: item[member] for item in answer[kind.listing.items]}
    return {name: arn for name, arn in found.items() if scope.includes(name)}


def select_wanted_or_owned(scope: Scope, wanted: Collection[str], arns: Mapping[str, str]) -> Tagged:
    """Those of a listing that the file wants or that bear the workspace's mark: their tags by name."""
    answers = yield [
        ApiCall("iot", "ListTagsForResource", {"resourceArn": arn}, tolerates=NOT_FOUND)
        for arn in arns.values()
    ]
    tags = {name: from_tag_list(answer.get("tags", ())) for name, answer in zip(arns, answers, strict=True)}
    return {
        name: found
        for name, found in tags.items()
        if scope.previous_states is not None or name in wanted or found.get(OWNER_TAG) == scope.workspace
    }


def request_each(operation: str, member: str, names: Collection[str]) -> Details:
    """The answers to one iot question about each name, empty where there is no such thing any more."""
    return (yield [ApiCall("iot", operation, {member: name}, tolerates=NOT_FOUND) for name in names])


def pair_by_name_tag(
    kind: Kind, missing: Collection[Resource], spare: Collection[Live], scope: Scope
) -> Mapping[str, str]:
    """By the tag that names them; where two have one name, the one that already is as it is wanted."""
    wanted = {resource.address.name: kind.effective(resource, scope) for resource in missing}
    pairs: dict[str, str] = {}
    taken: set[str] = set()
    names = {live.identity: scope.current_name(kind.table, live.facts["name"]) or "" for live in spare}
    for live in sorted(spare, key=lambda live: _unlike(kind, live.spec, wanted.get(names[live.identity]))):
        name = names[live.identity]
        if name in wanted and name not in taken:
            pairs[live.identity] = name
            taken.add(name)
    return pairs


def _unlike(kind: Kind, spec: Any, wanted: Any) -> int:
    """How many fields differ that are compared at all."""
    pairs = [
        (getattr(spec, name), getattr(wanted, name))
        for name, found in kind.members.items()
        if wanted is not None and found.on_change != "create_only"
    ]
    return sum(1 for before, after in pairs if before != after and WHATEVER not in (before, after))
