"""Topic rules."""

from datetime import UTC, datetime

import pytest

from tests.support.direct_client import ACCOUNT, START_TIME, catch_error, remove_metadata

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:rule/pumps"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/rules"
SQS = {"sqs": {"queueUrl": "https://sqs.eu-west-1.amazonaws.com/1/q", "roleArn": ROLE_ARN}}
PAYLOAD = {"sql": "SELECT * FROM 'pumps/+' WHERE x = 'a'", "actions": [SQS], "errorAction": SQS}
RULE = {
    **PAYLOAD,
    "ruleName": "pumps",
    "createdAt": START_TIME,
    "ruleDisabled": False,
    "awsIotSqlVersion": "2015-10-08",
}
NO_RULE = ("UnauthorizedException", 401)


def get(iot):
    return remove_metadata(iot.get_topic_rule(ruleName="pumps"))


def test_a_rule_is_described_as_it_was_created(iot):
    iot.create_topic_rule(ruleName="pumps", topicRulePayload=PAYLOAD, tags="line=A%201&b%3Ac=&d=e+f")
    assert get(iot) == {"ruleArn": ARN, "rule": RULE}
    assert iot.list_tags_for_resource(resourceArn=ARN)["tags"] == [
        {"Key": "b:c", "Value": ""},
        {"Key": "d", "Value": "e f"},
        {"Key": "line", "Value": "A 1"},
    ]


def test_a_replacement_keeps_only_name_tags_and_time_of_creation(iot, clock):
    iot.create_topic_rule(
        ruleName="pumps", topicRulePayload={**PAYLOAD, "description": "x", "ruleDisabled": True}, tags="a=b"
    )
    clock.advance(10)
    iot.replace_topic_rule(ruleName="pumps", topicRulePayload={"sql": "SELECT 1", "actions": []})
    rule = {**RULE, "sql": "SELECT 1", "actions": []}
    del rule["errorAction"]
    assert get(iot) == {"ruleArn": ARN, "rule": rule}
    assert iot.list_tags_for_resource(resourceArn=ARN)["tags"] == [{"Key": "a", "Value": "b"}]


def test_a_rule_can_be_disabled_and_enabled(iot):
    iot.create_topic_rule(ruleName="pumps", topicRulePayload=PAYLOAD)
    iot.disable_topic_rule(ruleName="pumps")
    assert get(iot)["rule"] == {**RULE, "ruleDisabled": True}
    iot.enable_topic_rule(ruleName="pumps")
    assert get(iot)["rule"] == RULE


def test_rules_are_listed_in_pages_by_topic_filter_and_state(iot):
    for number in range(5):
        payload = {"sql": f"SELECT * FROM 't/{number % 2}'", "actions": [], "ruleDisabled": number < 2}
        iot.create_topic_rule(ruleName=f"r{number}", topicRulePayload=payload)

    def list_names(**params):
        pages = iot.get_paginator("list_topic_rules").paginate(PaginationConfig={"PageSize": 2}, **params)
        return [[rule["ruleName"] for rule in page["rules"]] for page in pages]

    assert list_names() == [["r0", "r1"], ["r2", "r3"], ["r4"]]
    assert list_names(topic="t/0") == [["r0", "r2"], ["r4"]]
    assert list_names(topic="t/0", ruleDisabled=False) == [["r2", "r4"]]
    assert iot.list_topic_rules(maxResults=1)["rules"] == [
        {
            "ruleArn": f"arn:aws:iot:eu-west-1:{ACCOUNT}:rule/r0",
            "ruleName": "r0",
            "topicPattern": "t/0",
            "createdAt": datetime.fromtimestamp(START_TIME.timestamp(), UTC),
            "ruleDisabled": True,
        }
    ]


def test_a_rule_that_does_not_exist_looks_as_if_access_was_denied(iot):
    operations = ("get", "enable", "disable", "delete")
    errors = [catch_error(getattr(iot, f"{name}_topic_rule"), ruleName="pumps") for name in operations]
    errors.append(catch_error(iot.replace_topic_rule, ruleName="pumps", topicRulePayload=PAYLOAD))
    assert errors == [NO_RULE] * 5


def test_repeating_a_creation_raises_409(iot):
    iot.create_topic_rule(ruleName="pumps", topicRulePayload=PAYLOAD)
    error = catch_error(iot.create_topic_rule, ruleName="pumps", topicRulePayload=PAYLOAD)
    assert error == ("ResourceAlreadyExistsException", 409)


def test_a_deleted_rule_loses_its_tags(iot):
    iot.create_topic_rule(ruleName="pumps", topicRulePayload=PAYLOAD, tags="a=b")
    iot.delete_topic_rule(ruleName="pumps")
    assert catch_error(iot.get_topic_rule, ruleName="pumps") == NO_RULE
    iot.create_topic_rule(ruleName="pumps", topicRulePayload=PAYLOAD)
    assert iot.list_tags_for_resource(resourceArn=ARN)["tags"] == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"sql": "* FROM 'SELECT'"}, ("SqlParseException", 400)),
        ({"actions": [{}]}, ("InvalidRequestException", 400)),
        ({"actions": [SQS] * 11}, ("InvalidRequestException", 400)),
        ({"errorAction": {**SQS, "lambda": {"functionArn": "f"}}}, ("InvalidRequestException", 400)),
    ],
)
def test_an_invalid_rule_is_rejected(iot, changes, error):
    payload = {**PAYLOAD, **changes}
    assert catch_error(iot.create_topic_rule, ruleName="pumps", topicRulePayload=payload) == error
    iot.create_topic_rule(ruleName="pumps", topicRulePayload=PAYLOAD)
    assert catch_error(iot.replace_topic_rule, ruleName="pumps", topicRulePayload=payload) == error
