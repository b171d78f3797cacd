"""Choose which resources the re-reads of an apply list, instead of describing them one by one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from reconciler.engine.plan.compare import Comparison, select_complete_listings
from reconciler.kinds.base.reads import DESCRIBES_PER_PAGE, PAGE_SIZE
from reconciler.model.change import Create
from reconciler.model.plan import Target
from reconciler.model.settings import Settings
from reconciler.model.target_identity import is_local_endpoint

_MAX_PAGES = 4
"""The maximum number of pages that are listed in a second.

AWS allows ten pages of things, and ten of certificates, in a second; others who use the account need some of them.
"""

_MAX_LOCAL_PAGES = 16
"""The same for a registry on this machine without quotas: a page takes as long to read as several resources one by one."""


def choose_reread_pages(comparison: Comparison, target: Target, settings: Settings) -> Mapping[str, int]:
    """Return the maximum number of pages for each table whose resources are listed, for `Basis`."""
    has_quotas = not is_local_endpoint(target.endpoint) or bool(settings.quotas)
    max_pages = _MAX_PAGES if has_quotas else _MAX_LOCAL_PAGES
    change_counts = Counter(address.kind for address in comparison.changes)
    creation_counts = Counter(
        address.kind for address, change in comparison.changes.items() if isinstance(change, Create)
    )
    return {
        table: max_pages
        for table, ids in select_complete_listings(comparison.refresh).items()
        if table in change_counts
        and is_listing_faster(len(ids) + creation_counts[table], change_counts[table], max_pages)
    }


def is_listing_faster(size: int, count: int, max_pages: int) -> bool:
    """Return whether listing `size` resources is faster than describing `count` of them.

    A listing serves all re-reads of a second.
    """
    pages = math.ceil(size / PAGE_SIZE)
    return pages <= max_pages and pages * DESCRIBES_PER_PAGE <= count
