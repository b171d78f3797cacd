"""One AWS resource kind per module: its fields, and how it is read, created, changed and deleted.

Every module directly in this package defines one kind, as `KIND`; there is no other list of kinds. `base` has what all
kinds are built from, `shared` what some of them have in common; neither imports a kind.

Invariant: pure. A kind builds `ApiCall`s and interprets responses; it never sends anything and does no I/O.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from graphlib import TopologicalSorter

from reconciler.kinds.base.kind import Kind


@cache
def all_kinds() -> Mapping[str, Kind]:
    """Return every kind by its table, each after the kinds that it refers to, always in the same order."""
    modules = [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
        if not module.ispkg
    ]
    kinds: dict[str, Kind] = {module.KIND.table: module.KIND for module in modules}
    sorter = TopologicalSorter(
        {table: sorted(kind.find_referenced_tables() & kinds.keys()) for table, kind in sorted(kinds.items())}
    )
    return {table: kinds[table] for table in sorter.static_order()}
