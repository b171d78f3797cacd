"""What is in the account and does not bear the workspace's mark: told beside a plan, as far as it was seen anyway."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.engine.plan.compare import Comparison
from reconciler.kinds import all_kinds
from reconciler.kinds.shared.ownership_markers import is_marker_name
from reconciler.model.plan import Note
from reconciler.model.settings import DesiredState
from reconciler.model.text import join_some


def describe_unmanaged(state: DesiredState, found: Comparison) -> Iterator[Note]:
    """Of each kind that the file has something of: how many, the first few, and how one is taken over.

    Nothing is asked for this: it is what the listings that a plan reads have named on the way.
    """
    kinds = {
        kind.listing: kind for kind in all_kinds().values() if kind.listing
    }  # groups of both sorts are one list
    tables = {address.kind for address in state.resources}
    made = {name for live in found.live.values() for name in live.includes}
    for listing, kind in kinds.items():
        same = {other.table for other in all_kinds().values() if other.listing == listing}
        if not same & tables:
            continue
        known = {live.identity for address, live in found.live.items() if address.kind in same} | made
        names = sorted(name for name in found.refresh.listed.get(kind.table, ()) if not is_marker_name(name))
        left = [name for name in names if name not in known]
        if left:
            least = "at least " if kind.table in found.refresh.partially_listed else ""
            what = f"{kind.table.replace('_', ' ')} of the account that are not this workspace's"
            how = (
                f"declare one in the file and take it over with `reconciler apply --adopt {kind.table}.NAME`"
            )
            yield Note("unmanaged", f"{what} ({least}{len(left):,}): {join_some(left)}; {how}")
