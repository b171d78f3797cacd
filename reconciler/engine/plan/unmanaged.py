"""Describe the resources that the workspace does not manage, as far as a plan's reads list them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from reconciler.engine.plan.compare import Comparison
from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.shared.ownership_markers import is_marker_name
from reconciler.model.plan import Note
from reconciler.model.settings import DesiredState
from reconciler.model.text import join_some


def describe_unmanaged(state: DesiredState, comparison: Comparison) -> Iterator[Note]:
    """Yield a note for each kind in the file that has resources which this workspace does not manage.

    Those of other workspaces are included. The note has the number of these resources, the first of their IDs, and how
    to import one. No call is sent for this.
    """
    kinds = all_kinds()
    refresh_result = comparison.refresh
    declared_tables = {address.kind for address in state.resources}
    included_ids = {identity for live in comparison.live.values() for identity in live.includes}
    # Kinds with the same listing share a note: AWS lists static and dynamic thing groups together.
    kinds_by_listing = {kind.listing: kind for kind in kinds.values() if kind.listing}
    for listing, kind in kinds_by_listing.items():
        tables = {other.table for other in kinds.values() if other.listing == listing}
        if not tables & declared_tables:
            continue
        known_ids = included_ids | {
            live.identity for address, live in comparison.live.items() if address.kind in tables
        }
        listed_ids = refresh_result.listed_ids.get(kind.table, ())
        unmanaged_ids = sorted(
            identity for identity in listed_ids if identity not in known_ids and not is_marker_name(identity)
        )
        if unmanaged_ids:
            at_least = "at least " if kind.table in refresh_result.partially_listed else ""
            subject = f"{kind.table.replace('_', ' ')} in the account, not managed by this workspace"
            advice = _format_import_advice(kind, tables)
            yield Note(
                "unmanaged",
                f"{subject} ({at_least}{len(unmanaged_ids):,}): {join_some(unmanaged_ids)}; to import one, {advice}",
            )


def _format_import_advice(kind: Kind, tables: Collection[str]) -> str:
    """Return how to import a resource that is in one of the tables, which share the kind's listing."""
    if kind.id_member:
        # AWS's ID is not the name in the file, and some resources, such as certificates without things, need no --adopt.
        return "declare it and run `reconciler plan`, which shows whether it needs --adopt"
    commands = (f"`reconciler adopt {table}.NAME`" for table in sorted(tables, reverse=True))
    return f"run {' or '.join(commands)}"
