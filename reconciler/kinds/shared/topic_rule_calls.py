"""The calls that write a topic rule, with the ARNs of the destinations that its actions refer to."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.members import to_members
from reconciler.kinds.base.verification import FieldsMatch
from reconciler.kinds.shared.role_arns import ROLE_PROPAGATION_SECONDS
from reconciler.kinds.shared.topic_rule_actions import Action
from reconciler.kinds.shared.topic_rule_destination_spec import INFLUX_DB, TABLE, VPC
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Ref
from reconciler.model.resource import External, Reference

NO_ACCESS_OR_NOT_FOUND = frozenset({"UnauthorizedException"})
"""The error for a rule that does not exist, and for one without permission."""

DESTINATION_ARN = "topicRuleDestination.arn"
"""The response member with the ARN of a new destination."""

_PAYLOAD = "topicRulePayload"


def build_rule_write(operation: str, name: str, spec: Any, context: PlanContext, **params: Any) -> ApiCall:
    """Return a write of a whole rule; it is repeated while AWS does not know the roles of the actions yet.

    AWS requires the list of actions even if it is empty.
    """
    error_action = spec.error_action and _resolve_destination(spec.error_action, context)
    actions = tuple(_resolve_destination(action, context) for action in spec.actions)
    resolved_spec = evolve(spec, actions=actions, error_action=error_action, tags={})
    payload = {"actions": [], **to_members(resolved_spec)[_PAYLOAD]}
    read_call = ApiCall("iot", "GetTopicRule", {"ruleName": name}, ignored_errors=NO_ACCESS_OR_NOT_FOUND)
    return ApiCall(
        "iot",
        operation,
        {"ruleName": name, _PAYLOAD: payload, **params},
        retried_errors={"InvalidRequestException"},
        timeout_seconds=ROLE_PROPAGATION_SECONDS,
        verification=FieldsMatch(read_call, {f"{_PAYLOAD}.{key}": f"rule.{key}" for key in payload}),
    )


def _resolve_destination(action: Action, context: PlanContext) -> Action:
    """Return the action with the ARN of its destination in place of a reference."""
    arn: Any  # a text, as in the responses of AWS, or a `Ref`
    if action.kafka:
        arn = _resolve_arn(action.kafka.destination, VPC, context)
        return evolve(action, kafka=evolve(action.kafka, destination=arn))
    if action.influx_db:
        arn = _resolve_arn(action.influx_db.destination, INFLUX_DB, context)
        return evolve(action, influx_db=evolve(action.influx_db, destination=arn))
    return action


def _resolve_arn(reference: Reference, arn_type: str, context: PlanContext) -> str | Ref:
    """Return the ARN of a destination, or a `Ref` if AWS will assign it during the apply."""
    if isinstance(reference, External):
        return context.build_arn(f"ruledestination/{arn_type}/{reference.name}")
    address = Address(TABLE, reference)
    if address in context.identities:
        return context.live[address].arn
    return Ref(address, DESTINATION_ARN)
