"""Rules that cloud connectors, connector destinations and account associations share.

AWS assigns their IDs; within a workspace, and for an import, they are found by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.kinds.base.kind import Kind
from reconciler.model.resource import Live


def find_by_name(kind: Kind, desired_spec: Any, unmanaged: Sequence[Live]) -> Live | None:
    """Return the live resource without an owner that has the name of a desired spec, or None.

    If several have this name, it is the one that differs in the fewest fields.
    """

    def count_differences(live: Live) -> int:
        return sum(getattr(live.spec, name) != getattr(desired_spec, name) for name in kind.members)

    candidates = [live for live in unmanaged if live.spec.name == desired_spec.name]
    return min(candidates, key=count_differences, default=None)
