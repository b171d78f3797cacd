"""A Hypothesis strategy for topic rules."""

from __future__ import annotations

from hypothesis import strategies as st

from reconciler.kinds.shared.topic_rule_actions import Action
from reconciler.kinds.shared.topic_rule_messaging_actions import Http, HttpHeader, Sqs
from reconciler.kinds.shared.topic_rule_service_actions import Lambda
from reconciler.kinds.topic_rules import TopicRule
from reconciler.model.resource import Resource
from reconciler.model.secret import Secret
from tests.support.desired_states import ROLE_ARN, make_resource


def draw_topic_rules(draw: st.DrawFn) -> list[Resource]:
    """Return at most one rule."""
    actions = (
        Action(sqs=Sqs("https://sqs.eu-west-1.amazonaws.com/123456789012/q", ROLE_ARN)),
        Action(lambda_function=Lambda("arn:aws:lambda:eu-west-1:123456789012:function:f")),
        Action(http=Http("https://example.com/", headers=(HttpHeader("key", Secret("env KEY", "secret")),))),
    )
    return [
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
