"""Topic rule destinations: their fields, and the destinations that HTTP actions use."""

from __future__ import annotations

import pytest

from reconciler.kinds.shared.topic_rule_actions import Action
from reconciler.kinds.shared.topic_rule_destination_spec import (
    HttpDestination,
    InfluxDbDestination,
    TopicRuleDestination,
    VpcDestination,
    is_confirmed_by,
)
from reconciler.kinds.shared.topic_rule_messaging_actions import Http
from reconciler.kinds.topic_rules import TopicRule
from tests.support.desired_states import ROLE_ARN, make_resource
from tests.support.kind_driver import list_problems

URL = "https://example.com/iot"
WEB = TopicRuleDestination(http=HttpDestination(URL))
NETWORK = TopicRuleDestination(vpc=VpcDestination("vpc-1", ("subnet-1",), ROLE_ARN))


def declare(spec: TopicRuleDestination, name: str = "a"):
    return make_resource("topic_rule_destinations", name, spec)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (URL, True),
        (f"{URL}/a", False),
        ("https://example.com/${topic()}", True),
        ("https://example.org/${topic()}", False),
    ],
)
def test_an_http_action_uses_the_destination_of_its_confirmation_url(url, expected):
    assert is_confirmed_by(url, WEB) is expected
    assert is_confirmed_by(url, NETWORK) is False


def test_wrong_fields_of_a_destination_are_all_reported():
    influx_db = InfluxDbDestination("http://db", "V2", "secret")
    assert list_problems(declare(TopicRuleDestination(), "x" * 801)) == [
        "the name is too long for the marker of its owner; expected a shorter name",
        "has no type; expected exactly one of http, vpc and influx_db",
    ]
    spec = TopicRuleDestination(HttpDestination("ftp://a"), VpcDestination("vpc-1", (), "r"), influx_db)
    assert list_problems(declare(spec)) == [
        "has http, vpc, influx_db; expected exactly one of http, vpc and influx_db",
        "http.confirmation_url: 'ftp://a' is not an HTTPS URL; expected https://…",
        "influx_db.endpoint: 'http://db' is not an HTTPS URL; expected https://…",
        (
            "vpc.role_arn: 'r' is not the ARN of an IAM role; expected an ARN such as "
            "'arn:aws:iam::123456789012:role/NAME'"
        ),
    ]


def test_the_parts_of_a_url_that_do_not_match_are_reported():
    actions = (Action(http=Http("https://a/${topic()}")), Action(http=Http(URL, "https://b")))
    problems = list_problems(make_resource("topic_rules", "r", TopicRule("SELECT * FROM 'a'", actions)))
    assert problems == [
        (
            "actions[0].http.confirmation_url: missing, though the URL has substitution templates; expected the beginning of "
            "the URL"
        ),
        (
            f"actions[1].http.confirmation_url: 'https://b' is not the beginning of the URL '{URL}'; expected a text with "
            "which the URL starts"
        ),
    ]
