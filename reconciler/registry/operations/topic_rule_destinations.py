"""Topic rule destinations: the operations that create, confirm, get, list, update and delete them.

Nothing is sent to an endpoint, and no network interface is created: `shared/topic_rule_destinations.py` has what happens instead.
"""

import re
from collections.abc import Mapping
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.paging import REGISTRY_PAGER
from reconciler.registry.shared.topic_rule_destinations import (
    DELETING,
    DISABLED,
    ENABLED,
    HTTP,
    IN_PROGRESS,
    INFLUX_DB,
    VPC,
    Destination,
    create_destination,
    find_destination,
    iterate_destinations,
    set_status,
)

_CONFIGURATIONS = {
    "httpUrlConfiguration": HTTP,
    "vpcConfiguration": VPC,
    "influxDBConfiguration": INFLUX_DB,
}
_PROPERTIES = {HTTP: "httpUrlProperties", VPC: "vpcProperties", INFLUX_DB: "influxDBProperties"}
_SUMMARIES = {HTTP: "httpUrlSummary", VPC: "vpcDestinationSummary", INFLUX_DB: "influxDBSummary"}
_ID_PATTERNS = {
    "vpcId": re.compile(r"vpc-[0-9a-z]+"),
    "subnetIds": re.compile(r"subnet-[0-9a-z]+"),
    "securityGroups": re.compile(r"sg-[0-9a-z]+"),
}


@operation("iot", "CreateTopicRuleDestination")
def create_topic_rule_destination(context: Context, params: Params) -> Output | None:
    """Create a destination, whose status in the response is always IN_PROGRESS.

    Raises ResourceAlreadyExists (409) for one with the same configuration, which is UNCONFIRMED for others than HTTP destinations.
    Raises InvalidRequest for a configuration that has not exactly one type, for URLs without HTTPS and for IDs of another form;
    these errors are UNCONFIRMED.
    """
    configuration = params["destinationConfiguration"]
    if len(configuration) != 1:
        raise context.invalid("A destination must have exactly one configuration.")
    (member, properties), *_ = configuration.items()
    _check_properties(context, properties)
    destination = create_destination(context, _CONFIGURATIONS[member], properties)
    return {"topicRuleDestination": {**_describe(destination, _PROPERTIES), "status": IN_PROGRESS}}


@operation("iot", "ConfirmTopicRuleDestination", writes=True)
def confirm_topic_rule_destination(context: Context, params: Params) -> Output | None:
    """Enable the destination of a confirmation token. Raises InvalidRequest (400) for any other token."""
    for destination in iterate_destinations(context):
        is_waiting = destination.type == HTTP and destination.status == IN_PROGRESS
        if is_waiting and destination.token == params["confirmationToken"]:
            set_status(context, destination, ENABLED)
            return None
    raise context.invalid("The confirmation token is not valid.")


@operation("iot", "GetTopicRuleDestination")
def get_topic_rule_destination(context: Context, params: Params) -> Output | None:
    """Return everything about a destination. Raises Unauthorized (401) if it does not exist."""
    return {"topicRuleDestination": _describe(_require(context, params), _PROPERTIES)}


@operation("iot", "ListTopicRuleDestinations")
def list_topic_rule_destinations(context: Context, params: Params) -> Output | None:
    """Return the destinations, in creation order."""
    page = REGISTRY_PAGER.start_page(context, params)
    after_seq = page.after[0] if page.after else 0
    destinations = list(iterate_destinations(context, after_seq))[: page.limit]
    return page.build_output(
        "destinationSummaries",
        destinations,
        key=lambda destination: (destination.seq,),
        item=lambda destination: _describe(destination, _SUMMARIES),
    )


@operation("iot", "UpdateTopicRuleDestination")
def update_topic_rule_destination(context: Context, params: Params) -> Output | None:
    """Enable or disable a destination, or request another confirmation of an HTTP destination.

    A VPC destination gets new network interfaces when it is enabled. Raises Unauthorized (401) if it does not exist,
    InvalidRequest for a status that it cannot get (UNCONFIRMED).
    """
    destination, status = _require(context, params), params["status"]
    possible = {ENABLED, DISABLED} if destination.status in {ENABLED, DISABLED} else set()
    if destination.type == HTTP and destination.status != DELETING:
        possible.add(IN_PROGRESS)
    if status not in possible:
        raise context.invalid(
            f"The status of the destination is {destination.status}, so it cannot be set to {status}."
        )
    if status == destination.status != IN_PROGRESS:
        return None
    starts_again = status == ENABLED and destination.type == VPC
    set_status(context, destination, IN_PROGRESS if starts_again else status)
    return None


@operation("iot", "DeleteTopicRuleDestination")
def delete_topic_rule_destination(context: Context, params: Params) -> Output | None:
    """Delete a destination; one of a VPC is DELETING for `topic_rule_destination_seconds` first.

    Rules that refer to it do not block the deletion (UNCONFIRMED: the service model has no error for it). Raises Unauthorized (401)
    if it does not exist.
    """
    destination = _require(context, params)
    if destination.status == DELETING:
        return None
    delay = context.settings.topic_rule_destination_seconds if destination.type == VPC else 0.0
    context.tx.run(
        "UPDATE topic_rule_destinations SET gone_at = ? WHERE seq = ?", context.now + delay, destination.seq
    )
    context.tx.run(
        "DELETE FROM topic_rule_destinations WHERE scope = ? AND gone_at <= ?", context.scope, context.now
    )
    return None


def _require(context: Context, params: Params) -> Destination:
    """Return the destination that a request names.

    For one that does not exist, AWS raises UnauthorizedException with this message (Terraform's AWS provider reports it).
    """
    arn = params["arn"]
    destination = find_destination(context, arn)
    if destination is None:
        raise ApiError("UnauthorizedException", f"Access to TopicRuleDestination '{arn}' was denied")
    return destination


def _describe(destination: Destination, members: Mapping[str, str]) -> dict[str, Any]:
    """Return the description of a destination; `members` has the member of its properties, by type."""
    return {
        "arn": destination.arn,
        "status": destination.status,
        "statusReason": destination.status_reason,
        "createdAt": destination.created_at,
        "lastUpdatedAt": destination.status_since,
        members[destination.type]: destination.properties,
    }


def _check_properties(context: Context, properties: Mapping[str, Any]) -> None:
    for name in ("confirmationUrl", "endpoint"):
        url = properties.get(name)
        if url is not None and not url.startswith("https://"):
            raise context.invalid(f"The {name} {url} is not an HTTPS URL.")
    if properties.get("subnetIds") == []:
        raise context.invalid("At least one subnet is required.")
    for name, pattern in _ID_PATTERNS.items():
        value = properties.get(name, [])
        for identifier in value if isinstance(value, list) else [value]:
            if not pattern.fullmatch(identifier):
                raise context.invalid(f"'{identifier}' is not valid in {name}.")
