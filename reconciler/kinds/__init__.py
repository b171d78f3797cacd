"""One AWS noun per file: its fields, what it needs, how to read, create, change and delete it.

Law: pure. A kind builds `ApiCall`s and reads answers; it never sends anything and never does I/O. Every module here that
has a `KIND` is a kind; there is no other list of them.
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
    """Every kind by its table's name, the referred-to before the referring, ties broken by name."""
    modules = (
        importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)
    )
    kinds = {module.KIND.table: module.KIND for module in modules if hasattr(module, "KIND")}
    sorter = TopologicalSorter(
        {name: sorted(kind.referenced_tables() & kinds.keys()) for name, kind in sorted(kinds.items())}
    )
    return {name: kinds[name] for name in sorter.static_order()}
