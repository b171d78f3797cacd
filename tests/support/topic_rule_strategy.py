"""A Hypothesis strategy for topic rules and their destinations."""

from __future__ import annotations

from hypothesis import strategies as st

from reconciler.kinds.shared.topic_rule_actions import Action
from reconciler.kinds.shared.topic_rule_destination_spec import (
    HttpDestination,
    TopicRuleDestination,
    VpcDestination,
)
from reconciler.kinds.shared.topic_rule_messaging_actions import Http, HttpHeader, Kafka, Sqs
from reconciler.kinds.shared.topic_rule_service_actions import Lambda
from reconciler.kinds.topic_rules import TopicRule
from reconciler.model.resource import Resource
from reconciler.model.secret import Secret
from tests.support.desired_states import ROLE_ARN, make_resource

_URL = "https://example.com/"
_WEB, _KAFKA = "web", "kafka"


def draw_topic_rules(draw: st.DrawFn) -> list[Resource]:
    """Return at most one rule, and the destinations that it needs."""
    destinations = _draw_destinations(draw)
    names = {resource.address.name for resource in destinations}
    actions = [
        Action(sqs=Sqs("https://sqs.eu-west-1.amazonaws.com/123456789012/q", ROLE_ARN)),
        Action(lambda_function=Lambda("arn:aws:lambda:eu-west-1:123456789012:function:f")),
    ]
    if _WEB in names:
        headers = (HttpHeader("key", Secret("env KEY", "secret")),)
        actions.append(Action(http=Http(f"{_URL}a", _URL, headers)))
    if _KAFKA in names:
        actions.append(Action(kafka=Kafka(_KAFKA, "t", {"bootstrap.servers": "b:9094"})))
    rules = [
        make_resource(
            "topic_rules",
            name,
            TopicRule(
                draw(st.sampled_from(["SELECT * FROM 'a/+'", "SELECT site FROM 'b'"])),
                actions=tuple(draw(st.lists(st.sampled_from(actions), max_size=2, unique_by=repr))),
                description=draw(st.sampled_from([None, "Plants"])),
                rule_disabled=draw(st.booleans()),
                error_action=draw(st.sampled_from([None, *actions])),
                tags=draw(
                    st.dictionaries(st.sampled_from(["line", "owner"]), st.sampled_from(["oslo", "x_1"]))
                ),
            ),
        )
        for name in sorted(draw(st.sets(st.just("rule"))))
    ]
    return [*destinations, *rules]


def _draw_destinations(draw: st.DrawFn) -> list[Resource]:
    """Return an HTTP and a VPC destination, or fewer; only the latter is ever replaced."""
    statuses = st.sampled_from(["ENABLED", "DISABLED"])
    subnets = st.sets(st.sampled_from(["subnet-1", "subnet-2"]), min_size=1).map(sorted).map(tuple)
    specs = {
        _WEB: TopicRuleDestination(http=HttpDestination(_URL), status=draw(statuses)),
        _KAFKA: TopicRuleDestination(
            vpc=VpcDestination("vpc-1", draw(subnets), ROLE_ARN), status=draw(statuses)
        ),
    }
    names = sorted(draw(st.sets(st.sampled_from(sorted(specs)))))
    return [make_resource("topic_rule_destinations", name, specs[name]) for name in names]
