"""Limits on how much of a fleet one plan may delete or replace."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from reconciler.model.address import Address
from reconciler.model.change import Change
from reconciler.model.resource import Inventory
from reconciler.model.settings import Settings


def blown(
    settings: Settings, live: Inventory, changes: Mapping[Address, Change], wave: float = 100.0
) -> Iterator[str]:
    """Which of `[workspace.limits]` the changes exceed, per cent of what the workspace owns.

    Replacements may be made in waves; then `wave` is how many per cent of them are made at a time.
    """
    owned = sum(found.owner == settings.name for found in live.values())
    for action, percent in (
        ("delete", settings.limits.delete_percent),
        ("replace", settings.limits.replace_percent),
    ):
        count = sum(change.action == action for change in changes.values())
        if action == "replace":
            count = math.ceil(count * wave / 100)
        if percent is not None and count * 100 > percent * owned:
            yield (
                f"the plan would {action} {count} of {owned} resources, more than the {percent} % that "
                f"workspace.limits.{action}_percent allows; raise it there if that is meant"
            )
