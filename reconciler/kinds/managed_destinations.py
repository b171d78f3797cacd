"""Notification destinations: the streams that AWS IoT managed integrations sends its notifications to.

Source: managed integrations API reference, CreateDestination and related operations. Destinations have no ARN, and TagResource takes
no destination, so AWS sets their tags only at the creation. An update cannot remove a description, because its pattern allows no
empty text. UNCONFIRMED: AWS does not delete a destination that a notification configuration uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.marked_kind import MarkedKind
from reconciler.kinds.base.plain_kind import PlainApi
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.managed_integrations import SERVICE
from reconciler.kinds.shared.replacements import find_replacement_errors
from reconciler.kinds.shared.role_arns import check_role_arn
from reconciler.model.change import Change
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Resource


@frozen
class ManagedDestination:
    """`[managed_destinations.*]`."""

    delivery_destination_arn: str = member(
        "The ARN of the stream.", api="CreateDestination.DeliveryDestinationArn", outside="kinesis_stream"
    )
    role_arn: str = member(
        "The role with which AWS writes to the stream.", api="CreateDestination.RoleArn", outside="role"
    )
    delivery_destination_type: str = member(
        "The type of the stream.", api="CreateDestination.DeliveryDestinationType", default="KINESIS"
    )
    description: str | None = member(
        "Description of the destination.", api="CreateDestination.Description", default=None
    )
    tags: Mapping[str, str] = member(
        "Tags.", api="CreateDestination.Tags", on_change="replaces", factory=dict
    )


class ManagedDestinations(MarkedKind):
    """Notification destinations: found by name, owned by a thing group that is named after it."""

    table = "managed_destinations"
    noun = "notification destination"
    service = SERVICE
    spec_class = ManagedDestination
    api = PlainApi(
        "Destination",
        name="Name",
        arn="",
        listing=Listing("ListDestinations", "DestinationList", "Name"),
        describe="GetDestination",
        tokens=("CreateDestination.ClientToken",),
    )
    unremovable_fields = frozenset({"description"})

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the role."""
        yield from check_role_arn("role_arn", resource.spec.role_arn)
        yield from super().check(resource, desired)

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject a replacement of a destination that is used, because AWS does not delete it."""
        return find_replacement_errors(change, context)


KIND = ManagedDestinations()
