"""Topic rules: the operations that create, get, list, replace, enable, disable and delete them.

The rules are stored and described; no message activates them. Roles, functions and other targets are not checked, except topic
rule destinations.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.shared.named_resources import NamedResource, NamedResourceType
from reconciler.registry.shared.topic_rule_destinations import (
    HTTP,
    INFLUX_DB,
    VPC,
    create_destination,
    find_by_properties,
    require_for_action,
)

_QUOTED_TEXT = r"'(?:[^']|'')*'|\"[^\"]*\""
_SELECT = r"\bSELECT\b"
_FROM = r"\bFROM\s+(?:'([^']*)'|\"([^\"]*)\")"
_PAYLOAD = "topicRulePayload"
_TEMPLATE = "${"
_TOPIC_PATTERN = "topicPattern"

TOPIC_RULES = NamedResourceType("topic rule", "rule", "ruleName")


@operation("iot", "CreateTopicRule")
def create_topic_rule(context: Context, params: Params) -> Output | None:
    """Create a rule; its tags are one text, as in a URL's query. Repeating the call fails.

    Raises ResourceAlreadyExists (409), SqlParse (400), InvalidRequest for an action that has not exactly one type and for
    invalid tags.
    """
    tags = [
        {"Key": key, "Value": value}
        for key, value in parse_qsl(params.get("tags", ""), keep_blank_values=True)
    ]
    members = _parse_payload(context, params[_PAYLOAD])
    TOPIC_RULES.create(context, {"ruleName": params["ruleName"], **members, "tags": tags})
    return None


@operation("iot", "GetTopicRule")
def get_topic_rule(context: Context, params: Params) -> Output | None:
    """Return a rule without its tags. Raises Unauthorized (401) if it does not exist."""
    rule = _require(context, params)
    members = {name: value for name, value in rule.members.items() if name != _TOPIC_PATTERN}
    return {
        "ruleArn": rule.arn,
        "rule": {**members, "ruleName": rule.name, "createdAt": rule.created_at},
    }


@operation("iot", "ListTopicRules")
def list_topic_rules(context: Context, params: Params) -> Output | None:
    """Return a summary of each rule, in creation order.

    That `topic` selects the rules with exactly this topic filter is UNCONFIRMED.
    """
    selected_topic = {_TOPIC_PATTERN: params["topic"]} if "topic" in params else {}
    return TOPIC_RULES.list_page(
        context,
        {**params, **selected_topic},
        "rules",
        lambda rule: {
            "ruleArn": rule.arn,
            "ruleName": rule.name,
            _TOPIC_PATTERN: rule.members[_TOPIC_PATTERN],
            "createdAt": rule.created_at,
            "ruleDisabled": rule.members["ruleDisabled"],
        },
        filters=(_TOPIC_PATTERN, "ruleDisabled"),
    )


@operation("iot", "ReplaceTopicRule")
def replace_topic_rule(context: Context, params: Params) -> Output | None:
    """Replace everything about a rule except its name and tags.

    Raises Unauthorized (401) if it does not exist, SqlParse (400), InvalidRequest for an action that has not exactly one type.
    """
    rule = _require(context, params)
    members = _parse_payload(context, params[_PAYLOAD])
    TOPIC_RULES.update(context, rule, {**dict.fromkeys(rule.members), **members})
    return None


@operation("iot", "EnableTopicRule")
def enable_topic_rule(context: Context, params: Params) -> Output | None:
    """Enable a rule. Raises Unauthorized (401) if it does not exist."""
    TOPIC_RULES.update(context, _require(context, params), {"ruleDisabled": False})
    return None


@operation("iot", "DisableTopicRule")
def disable_topic_rule(context: Context, params: Params) -> Output | None:
    """Disable a rule. Raises Unauthorized (401) if it does not exist."""
    TOPIC_RULES.update(context, _require(context, params), {"ruleDisabled": True})
    return None


@operation("iot", "DeleteTopicRule")
def delete_topic_rule(context: Context, params: Params) -> Output | None:
    """Delete a rule. Raises Unauthorized (401) if it does not exist (UNCONFIRMED)."""
    _require(context, params)
    TOPIC_RULES.delete(context, params)
    return None


def _require(context: Context, params: Params) -> NamedResource:
    """Return the rule that a request names.

    For a rule that does not exist, AWS raises UnauthorizedException with this message (users of Terraform report it).
    """
    name = params["ruleName"]
    rule = TOPIC_RULES.find(context, name)
    if rule is None:
        raise ApiError("UnauthorizedException", f"Access to topic rule '{name}' was denied")
    return rule


def _parse_payload(context: Context, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a rule, with defaults and with the topic filter of its statement.

    Raises SqlParse for a statement without SELECT, InvalidRequest for an action that has not exactly one type; that AWS raises
    InvalidRequest is UNCONFIRMED.
    """
    sql = payload["sql"]
    if not re.search(_SELECT, re.sub(_QUOTED_TEXT, "''", sql), re.IGNORECASE):
        raise ApiError("SqlParseException", "Expected a SELECT clause in the SQL statement.")
    for action in [*payload["actions"], *filter(None, [payload.get("errorAction")])]:
        if len(action) != 1:
            raise context.invalid("An action must have exactly one type.")
        _check_destination(context, action)
    source = re.search(_FROM, sql, re.IGNORECASE)
    return {
        "awsIotSqlVersion": "2015-10-08",
        "ruleDisabled": False,
        **payload,
        _TOPIC_PATTERN: (source[1] or source[2] or "") if source else "",
    }


def _check_destination(context: Context, action: Mapping[str, Any]) -> None:
    """Check that the destination of an action exists; create that of an HTTP action.

    Source: developer guide, "HTTP": AWS creates a destination for the confirmation URL, or for the URL without one, unless it has
    substitution templates.

    Raises InvalidRequest (400) for another destination that does not exist (UNCONFIRMED), for a URL with templates and without a
    confirmation URL, and for a URL that does not start with the confirmation URL.
    """
    if "kafka" in action:
        require_for_action(context, action["kafka"]["destinationArn"], VPC)
    if "influxDB" in action:
        require_for_action(context, action["influxDB"]["destinationArn"], INFLUX_DB)
    if "http" not in action:
        return
    url = action["http"]["url"]
    confirmation_url = action["http"].get("confirmationUrl")
    if confirmation_url is None and _TEMPLATE in url:
        raise context.invalid("A URL with substitution templates requires a confirmation URL.")
    if not url.startswith(confirmation_url or ""):
        raise context.invalid("The URL must start with the confirmation URL.")
    properties = {"confirmationUrl": confirmation_url or url}
    if (
        _TEMPLATE not in properties["confirmationUrl"]
        and find_by_properties(context, HTTP, properties) is None
    ):
        create_destination(context, HTTP, properties)
