"""One AWS resource kind per module: its fields, and how it is read, created, changed and deleted.

Every module directly in this package defines one kind, as `KIND`, and has the name of its table, with `_` in place of a dot; there is no
other list of kinds. `base` has what all kinds are built from, `shared` what some of them have in common; neither imports a kind.

A plan reads all kinds. A command that needs only the kinds in the file looks up each of them and imports no others.

Invariant: pure. A kind builds `ApiCall`s and interprets responses; it never sends anything and does no I/O.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Mapping
from functools import cache
from graphlib import TopologicalSorter

from reconciler.kinds.base.kind import Kind


@cache
def all_kinds() -> Mapping[str, Kind]:
    """Return every kind by its table, each after the kinds that it refers to, always in the same order."""
    tables = [_import_kind(module).table for module in _list_modules()]
    return {table: get_kind(table) for table in sort_tables(tables)}


@cache
def get_kind(table: str) -> Kind:
    """Return the kind of a table. Raises KeyError if there is none."""
    kind = find_kind(table)
    if kind is None:
        raise KeyError(table)
    return kind


@cache
def find_kind(table: str) -> Kind | None:
    """Return the kind of a table, or None if there is none."""
    module = table.replace(".", "_")
    kind = _import_kind(module) if module in _list_modules() else None
    return kind if kind and kind.table == table else None


def sort_tables(tables: Collection[str]) -> list[str]:
    """Return the tables of kinds, each after those of them that it refers to."""
    selected = {*tables}
    return [
        *TopologicalSorter(
            {table: sorted(get_kind(table).find_referenced_tables() & selected) for table in sorted(selected)}
        ).static_order()
    ]


@cache
def _list_modules() -> frozenset[str]:
    return frozenset(module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)


def _import_kind(module: str) -> Kind:
    kind: Kind = importlib.import_module(f"{__name__}.{module}").KIND
    return kind
