"""Resources that the workspace does not manage: as a complete list, and as notes for people.

Invariant: no call is sent for this; the lists are as long as what the refresh listed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import get_args

from reconciler.engine.plan.compare import Comparison
from reconciler.kinds import all_kinds
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.schema import get_members, get_types
from reconciler.kinds.shared.ownership_markers import is_marker_name
from reconciler.model.plan import Note, UnmanagedResources
from reconciler.model.resource import NotCompared
from reconciler.model.settings import DesiredState
from reconciler.model.text import join_some, make_plural

_LIST_ADVICE = "`reconciler drift --format json` lists them"
_ADVICE_FOR_ALL = (
    "run `reconciler adopt --all` to import everything, or `reconciler export` to write its tables first"
)


def find_unmanaged(comparison: Comparison) -> tuple[UnmanagedResources, ...]:
    """Return the unmanaged resources of each kind that can be imported, if there are any, by listing.

    Ownership markers of any workspace are left out.
    """
    refresh_result = comparison.refresh
    included_ids = {identity for live in comparison.live.values() for identity in live.includes}
    known_ids_by_table = _group_known_ids(comparison)
    unmanaged = []
    for listing, tables in _group_tables_by_listing().items():
        known_ids = included_ids.union(*(known_ids_by_table[table] for table in tables))
        listed_ids = refresh_result.listed_ids.get(listing, frozenset())
        ids = sorted(identity for identity in listed_ids - known_ids if not is_marker_name(identity))
        if ids:
            is_complete = listing not in refresh_result.partially_listed
            unmanaged.append(UnmanagedResources(tables=tables, ids=tuple(ids), is_complete=is_complete))
    return tuple(unmanaged)


def describe_unmanaged(state: DesiredState, unmanaged: Collection[UnmanagedResources]) -> Iterator[Note]:
    """Yield notes about unmanaged resources: their numbers, the first of their IDs, and how to import one.

    Kinds that the file does not use share one note with their numbers only, unless the file has no resources at all. In that
    case, one more note has the command that imports everything.
    """
    declared_tables = {address.kind for address in state.resources}
    others = []
    for resources in unmanaged:
        if declared_tables and declared_tables.isdisjoint(resources.tables):
            others.append(resources)
        else:
            yield Note("unmanaged", _describe_resources(resources))
    if unmanaged and not declared_tables:
        yield Note("unmanaged", _ADVICE_FOR_ALL)
    if others:
        counts = ", ".join(
            f"{_format_count(resources)} {_format_noun(resources, len(resources.ids))}"
            for resources in others
        )
        subject = "of other kinds in the account, not managed by this workspace"
        yield Note("unmanaged", f"{subject}: {counts}; {_LIST_ADVICE}{_format_kinds_advice(others)}")


def _group_known_ids(comparison: Comparison) -> Mapping[str, AbstractSet[str]]:
    """Return the IDs of declared, owned and temporarily kept live resources, by table."""
    known_ids: defaultdict[str, set[str]] = defaultdict(set)
    for address, live in comparison.live.items():
        if address in comparison.declared or live.owner is not None or live.kept_until is not None:
            known_ids[address.kind].add(live.identity)
    return known_ids


def _group_tables_by_listing() -> dict[Listing, tuple[str, ...]]:
    """Return the tables of the kinds that have each listing: AWS lists static and dynamic groups together."""
    tables: dict[Listing, tuple[str, ...]] = {}
    for table, kind in all_kinds().items():
        if kind.listing:
            tables[kind.listing] = (*tables.get(kind.listing, ()), table)
    return tables


def _describe_resources(resources: UnmanagedResources) -> str:
    subject = f"{_format_noun(resources)} in the account, not managed by this workspace"
    advice = _format_import_advice(resources.tables)
    return f"{subject} ({_format_count(resources)}): {join_some(resources.ids)}; to import one, {advice}"


def _format_noun(resources: UnmanagedResources, count: int = 2) -> str:
    """Return the noun for one or more resources of the kind."""
    noun = _choose_kind(resources.tables).noun
    return noun if count == 1 else make_plural(noun)


def _format_count(resources: UnmanagedResources) -> str:
    return f"{'' if resources.is_complete else 'at least '}{len(resources.ids):,}"


def _choose_kind(tables: Sequence[str]) -> Kind:
    """Return the kind that a note names: for the listing of all groups, static ones."""
    return all_kinds()[max(tables)]


def _format_kinds_advice(unmanaged: Sequence[UnmanagedResources]) -> str:
    """Return how to import all resources of a kind, and which kinds have to be declared instead."""
    kinds = [_choose_kind(resources.tables) for resources in unmanaged]
    declared_only = [make_plural(kind.noun) for kind in kinds if _find_unreturned_field(kind)]
    if len(declared_only) == len(kinds):
        return "; to import one, declare it and run `reconciler plan`"
    exception = f", except {join_some(declared_only)}, which have to be declared" if declared_only else ""
    return f", and `reconciler adopt KIND` imports those of one kind{exception}"


def _find_unreturned_field(kind: Kind) -> str:
    """Return the first required field that AWS does not return, or "".

    An import cannot write the table of a resource with such a field.
    """
    types = get_types(kind.spec_class)
    required = (name for name, member in get_members(kind.spec_class).items() if member.required)
    return next((name for name in required if NotCompared in get_args(types[name])), "")


def _format_import_advice(tables: Sequence[str]) -> str:
    """Return how to import a resource that is in one of the tables, which share a listing."""
    kind = _choose_kind(tables)
    missing_field = _find_unreturned_field(kind)
    if missing_field:
        command = "run `reconciler plan`, which shows whether it needs --adopt"
        return f"declare it, because AWS does not return its {missing_field}, and {command}"
    if kind.id_member:
        return f"run `reconciler adopt {kind.table}.ID`"
    commands = (f"`reconciler adopt {table}.NAME`" for table in sorted(tables, reverse=True))
    return f"run {' or '.join(commands)}"
