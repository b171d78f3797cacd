"""The calls that create, change and delete a topic rule destination, and that wait for it."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.members import to_members
from reconciler.kinds.shared.role_arns import ROLE_PROPAGATION_SECONDS
from reconciler.kinds.shared.topic_rule_calls import DESTINATION_ARN, build_rule_write
from reconciler.kinds.shared.topic_rule_destination_live import (
    CONFIGURATION_FIELDS,
    NOT_CREATED,
    DestinationFacts,
    build_destination_marker_name,
    to_spec,
)
from reconciler.kinds.shared.topic_rule_destination_spec import TopicRuleDestination
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Ref, Verification, VerificationReads, Wait
from reconciler.model.change import Replace
from reconciler.model.resource import Live, Resource

_DESTINATION = "topicRuleDestination"
_NO_ACCESS_OR_NOT_FOUND = frozenset({"UnauthorizedException"})

VPC_SECONDS = 1800.0
"""Seconds for which an apply waits for the network interfaces of a VPC destination; Terraform's AWS provider waits as long."""

CONFIRMATION_SECONDS = 300.0
"""Seconds for which an apply waits until the endpoint of an HTTP destination confirms it."""


@frozen
class _DestinationCreated(Verification):
    """Verification that a destination with the configuration of a marker exists."""

    marker: str

    def verify(self, sent: ApiCall) -> VerificationReads:
        """Return the destination as its creation returns it, or None if there is none."""
        listing = yield ApiCall("iot", "ListTopicRuleDestinations")
        for summary in listing["destinationSummaries"]:
            if build_destination_marker_name(to_spec(summary)) == self.marker:
                return {_DESTINATION: summary}
        return None


@frozen
class _DestinationDeleted(Verification):
    """Verification that a destination does not exist, or is being deleted."""

    arn: str

    def verify(self, sent: ApiCall) -> VerificationReads:
        """Return an empty response if AWS deletes the destination, else None."""
        listing = yield ApiCall("iot", "ListTopicRuleDestinations")
        remaining = (item for item in listing["destinationSummaries"] if item["status"] != "DELETING")
        return None if any(item["arn"] == self.arn for item in remaining) else {}


def create_destination(resource: Resource) -> Iterator[ApiCall]:
    """Yield the calls that create a destination and wait for it; it is disabled after that."""
    spec: TopicRuleDestination = resource.spec
    yield ApiCall(
        "iot",
        "CreateTopicRuleDestination",
        to_members(spec, CONFIGURATION_FIELDS),
        retried_errors={"InvalidRequestException"} if spec.vpc else frozenset[str](),
        timeout_seconds=ROLE_PROPAGATION_SECONDS if spec.vpc else None,
        verification=_DestinationCreated(build_destination_marker_name(spec)),
    )
    arn = Ref(resource.address, DESTINATION_ARN)
    yield _wait(spec, arn, "ENABLED")
    if spec.status == "DISABLED":
        yield from _update_status(spec, arn, "DISABLED")


def find_moved_rules(change: Replace, context: PlanContext) -> list[Address]:
    """Return the topic rules that keep referring to a replaced destination and have no step of their own.

    A rule's own step runs later and sends the new ARN.
    """
    desired_users = set(context.desired_users.get(change.address, ()))
    live_users = context.live_users.get(change.address, ())
    return [user for user in live_users if user in desired_users and user not in context.changes]


def move_rules(change: Replace, context: PlanContext) -> Iterator[ApiCall]:
    """Yield the calls that make these rules refer to the new destination."""
    for address in find_moved_rules(change, context):
        name, spec = context.live[address].identity, context.desired[address].spec
        yield build_rule_write("ReplaceTopicRule", name, spec, context)


def set_destination_status(spec: TopicRuleDestination, before: str, arn: str) -> Iterator[ApiCall]:
    """Yield the calls that give an existing destination the status in the file.

    UpdateTopicRuleDestination with IN_PROGRESS makes AWS send another confirmation message (its API reference).
    """
    if before == "IN_PROGRESS":
        if spec.http:
            params = {"arn": arn, "status": "IN_PROGRESS"}
            yield ApiCall("iot", "UpdateTopicRuleDestination", params, idempotent=True)
        yield _wait(spec, arn, "ENABLED")
    if before != "IN_PROGRESS" or spec.status == "DISABLED":
        yield from _update_status(spec, arn, spec.status)


def _update_status(spec: TopicRuleDestination, arn: str | Ref, status: str) -> Iterator[ApiCall]:
    params = {"arn": arn, "status": status}
    yield ApiCall("iot", "UpdateTopicRuleDestination", params, idempotent=True)
    yield _wait(spec, arn, status)


def _wait(spec: TopicRuleDestination, arn: str | Ref, status: str) -> ApiCall:
    wait = Wait(
        f"{_DESTINATION}.status",
        until={status},
        failures={"ERROR", "DELETING"},
        reason_path=f"{_DESTINATION}.statusReason",
        advice=describe_wait(spec),
    )
    seconds = CONFIRMATION_SECONDS if spec.http else VPC_SECONDS
    return ApiCall("iot", "GetTopicRuleDestination", {"arn": arn}, wait=wait, timeout_seconds=seconds)


def describe_wait(spec: TopicRuleDestination) -> str:
    """Return what has to happen before a destination can be used."""
    if spec.http:
        return (
            f"the endpoint has to visit the enableUrl that AWS sent to {spec.http.confirmation_url}, or its "
            "confirmationToken has to be passed to ConfirmTopicRuleDestination"
        )
    if spec.vpc:
        return (
            f"AWS has to create the network interfaces in {spec.vpc.vpc_id}; check its subnets and the role"
        )
    return "AWS has to reach the InfluxDB instance; check its endpoint and the secret"


def delete_destination(live: Live) -> Iterator[ApiCall]:
    """Yield the calls that delete a destination and wait until it no longer exists."""
    status, params = live.get_facts(DestinationFacts).status, {"arn": live.arn}
    if status == NOT_CREATED:
        return
    if status != "DELETING":
        verification = _DestinationDeleted(live.arn)
        yield ApiCall("iot", "DeleteTopicRuleDestination", params, verification=verification)
    yield ApiCall(
        "iot",
        "GetTopicRuleDestination",
        params,
        repeat_until=_NO_ACCESS_OR_NOT_FOUND,
        timeout_seconds=VPC_SECONDS,
    )
