"""Dimensions: topic filters that narrow a metric in a security profile of AWS IoT Device Defender.

Source: AWS IoT API reference, CreateDimension and related operations; AWS IoT Device Defender developer guide, "Scoping metrics in
security profiles using dimensions".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.aws_limits import DIMENSIONS
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.outside import Need
from reconciler.kinds.base.plain_kind import PlainApi, PlainKind
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.security_profile_users import SECURITY_PROFILES, find_user_needs
from reconciler.model.change import Change

TOPIC_FILTER = "TOPIC_FILTER"
"""The only type that the service model has."""


@frozen
class Dimension:
    """`[dimensions.*]`."""

    string_values: tuple[str, ...] = member(
        "The topic filters, such as `plants/+/alarms`.", api="CreateDimension.stringValues"
    )
    type: str = member(
        "The type of the dimension.",
        api="CreateDimension.type",
        on_change="replaces",
        default=TOPIC_FILTER,
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateDimension.tags", factory=dict)


class Dimensions(PlainKind):
    """Dimensions: found by name, owned by tag."""

    table = "dimensions"
    noun = "dimension"
    spec_class = Dimension
    api = PlainApi(
        "Dimension",
        name="name",
        arn="arn",
        listing=Listing("ListDimensions", "dimensionNames", id_key=""),
        tokens=("CreateDimension.clientRequestToken",),
        other_reads=("ListSecurityProfiles",),
    )
    account_limit = DIMENSIONS
    deletion_blockers = SECURITY_PROFILES

    def outside_needs(self, change: Change, context: PlanContext) -> Iterable[Need]:
        """Return the need that no unmanaged security profile uses a deleted dimension."""
        return find_user_needs(change, "dimensionName", context)


KIND = Dimensions()
