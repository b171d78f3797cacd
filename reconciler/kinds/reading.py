"""How to find some resources among many at the least cost, whatever the account holds beside them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from typing import Any

from reconciler.model.call import ApiCall, Batch

PAGE = 250
"""Items a page of AWS IoT's listings may hold (API reference, `maxResults`)."""

MISSING = frozenset({"ResourceNotFoundException"})

Asking = Generator[Batch, Sequence[Mapping[str, Any]], dict[str, Mapping[str, Any]]]


def find(  # noqa: PLR0913 (each is one fact about the listing)
    wanted: Collection[str],
    *,
    listing: ApiCall,
    items: str,
    key: str,
    pages: int,
    describe: Callable[[str], ApiCall],
) -> Asking:
    """Those of `wanted` that exist, by id.

    Pages serve hundreds of resources a call, but an account may hold millions that are not ours. So at most `pages` pages
    are read, about what asking for each would cost, and what was not among them is asked for by name. `describe` calls
    tolerate that there is none.
    """
    if not wanted:
        return {}
    (answer,) = yield [
        ApiCall(listing.service, listing.operation, listing.params, at_most=max(pages, 1) * PAGE)
    ]
    found = {item[key]: item for item in answer[items]}
    if any("token" in member.lower() or member == "nextMarker" for member in answer):
        rest = sorted(set(wanted) - found.keys())
        singles = yield [describe(name) for name in rest]
        found |= {name: single for name, single in zip(rest, singles, strict=True) if single}
    return {name: found[name] for name in wanted if name in found}
