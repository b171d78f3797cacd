"""The facts that are read about a billing group."""

from __future__ import annotations

from reconciler.frozen_classes import frozen


@frozen
class BillingGroupFacts:
    """The names of the things in a billing group, or None: they are read only if the group may be deleted."""

    members: tuple[str, ...] | None = None
