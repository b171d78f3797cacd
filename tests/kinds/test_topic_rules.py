"""Topic rules: found by name, replaced as a whole, with tags as one text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import pytest
from attrs import evolve

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.plan.diff import compare_specs
from reconciler.kinds import all_kinds
from reconciler.kinds.base.normalize import find_empty_values
from reconciler.kinds.base.schema import get_members, is_spec_class
from reconciler.kinds.shared.role_arns import ROLE_PROPAGATION_SECONDS
from reconciler.kinds.shared.topic_rule_actions import Action
from reconciler.kinds.shared.topic_rule_destination_spec import (
    HttpDestination,
    TopicRuleDestination,
    VpcDestination,
)
from reconciler.kinds.shared.topic_rule_messaging_actions import Http, HttpHeader, Kafka, Kinesis, Sqs
from reconciler.kinds.shared.topic_rule_service_actions import Lambda, Salesforce
from reconciler.kinds.shared.topic_rule_storage_actions import InfluxDb
from reconciler.kinds.topic_rules import TopicRule
from reconciler.model.resource import External, Live
from reconciler.model.secret import Secret
from tests.kinds.test_coverage import load_service_model
from tests.support.desired_states import ROLE_ARN, make_resource
from tests.support.kind_driver import (
    OWNERSHIP_TAGS,
    build_arn,
    list_calls,
    list_create_calls,
    list_delete_calls,
    list_problems,
    make_change,
    make_iot_call,
    make_tag_list,
    read_kind,
)

ARN = build_arn("rule/a")
SQL = "SELECT * FROM 'pumps/+'"
KINESIS = Action(kinesis=Kinesis("telemetry", ROLE_ARN, partition_key="${topic(2)}"))
SPEC = TopicRule(SQL, (KINESIS,), tags={"line": "A 1"})
PAYLOAD = {
    "sql": SQL,
    "actions": [
        {"kinesis": {"streamName": "telemetry", "roleArn": ROLE_ARN, "partitionKey": "${topic(2)}"}},
    ],
    "awsIotSqlVersion": "2015-10-08",
    "ruleDisabled": False,
}
RETRIES = {"retried_errors": {"InvalidRequestException"}, "timeout_seconds": ROLE_PROPAGATION_SECONDS}
URL = "https://example.com/"


def make_live(spec: TopicRule) -> Live:
    return Live("a", spec, owner="ws", arn=ARN, tags={**spec.tags, **OWNERSHIP_TAGS})


def make_rule(spec: TopicRule):
    return make_resource("topic_rules", "a", spec)


def read_rules(rule: dict[str, Any], *, spec: TopicRule = SPEC):
    responses = {
        "ListTopicRules": {
            "rules": [
                {"ruleName": "a", "ruleArn": ARN},
                {"ruleName": "foreign", "ruleArn": build_arn("rule/foreign")},
            ]
        },
        "ListTagsForResource": lambda params: {
            "tags": make_tag_list({**spec.tags, **OWNERSHIP_TAGS}) if params["resourceArn"] == ARN else []
        },
        "GetTopicRule": {"ruleArn": ARN, "rule": {"ruleName": "a", **rule}},
    }
    return read_kind("topic_rules", responses, make_rule(spec))


def test_a_creation_sends_the_tags_as_the_query_of_a_url():
    tags = "line=A%201&reconciler%3Aname=a&reconciler%3Aworkspace=ws"
    assert list_create_calls(make_rule(SPEC)) == [
        make_iot_call("CreateTopicRule", ruleName="a", topicRulePayload=PAYLOAD, tags=tags, **RETRIES)
    ]


def test_only_rules_that_are_desired_or_owned_are_read_in_full():
    live_resources, operations = read_rules(PAYLOAD)
    assert live_resources == [make_live(SPEC)]
    assert operations.count("GetTopicRule") == 1


def test_an_update_replaces_the_rule_and_so_drops_removed_values():
    live = make_live(evolve(SPEC, description="Pumps", error_action=KINESIS))
    assert list_calls(make_change(make_rule(evolve(SPEC, actions=())), live)) == [
        make_iot_call(
            "ReplaceTopicRule", ruleName="a", topicRulePayload={**PAYLOAD, "actions": []}, **RETRIES
        )
    ]


def test_a_change_of_tags_alone_does_not_replace_the_rule():
    calls = list_calls(make_change(make_rule(evolve(SPEC, tags={})), make_live(SPEC)))
    assert calls == [make_iot_call("UntagResource", resourceArn=ARN, tagKeys=["line"])]


def test_a_deletion_needs_no_other_call():
    assert list_delete_calls("topic_rules", make_live(SPEC)) == [
        make_iot_call("DeleteTopicRule", ruleName="a")
    ]


def make_http_action(*headers: HttpHeader) -> Action:
    return Action(http=Http(URL, headers=headers))


def read_actions(*actions: dict[str, Any]) -> tuple[Action, ...]:
    """Return the actions of a live rule without a rule in the file."""
    live, _ = read_rules({**PAYLOAD, "actions": list(actions)})
    return live[0].spec.actions


def compare_actions(before: tuple[Action, ...], after: tuple[Action, ...]) -> list[tuple[Any, Any]]:
    """Return the actions before and after, if they are compared as different."""
    specs = (evolve(SPEC, actions=after), evolve(SPEC, actions=before))
    return [(field.before, field.after) for field in compare_specs(all_kinds()["topic_rules"], *specs)]


def test_a_secret_of_the_file_is_compared_with_the_live_text():
    (live,) = read_actions({"http": {"url": URL, "headers": [{"key": "Authorization", "value": "x"}]}})
    actions = {
        value: make_http_action(HttpHeader("Authorization", Secret("env KEY", value)))
        for value in ("x", "y", None)
    }
    differences = {value: compare_actions((live,), (action,)) for value, action in actions.items()}
    assert differences == {"x": [], "y": [((live,), (actions["y"],))], None: []}


def test_an_action_before_an_unchanged_one_with_a_secret_is_the_only_change():
    (live,) = read_actions({"http": {"url": URL, "headers": [{"key": "Authorization", "value": "x"}]}})
    unchanged = make_http_action(HttpHeader("Authorization", Secret("env KEY", "x")))
    assert compare_actions((live,), (KINESIS, unchanged)) == [((unchanged,), (KINESIS, unchanged))]


TEMPLATE_OF_SECRET = "${get_secret('kafka', 'SecretString', 'password', 'arn:aws:iam::123456789012:role/r')}"


def test_whether_a_live_value_is_a_secret_follows_from_its_name():
    names = ["Authorization", "x-anything", "content-type", "Content-Type"]
    http = {"url": URL, "headers": [{"key": name, "value": "live"} for name in names]}
    kafka = {
        "destinationArn": "arn",
        "topic": "t",
        "clientProperties": {
            "acks": "1",
            "bootstrap.servers": "b:9094",
            "sasl.scram.password": "live",
            "ssl.keystore": TEMPLATE_OF_SECRET,
            "unknown": "live",
        },
    }
    http_action, kafka_action = read_actions({"http": http}, {"kafka": kafka})
    assert [header.value for header in http_action.http.headers] == [
        Secret("the value of Authorization", "live"),
        Secret("the value of x-anything", "live"),
        "live",
        "live",
    ]
    assert kafka_action.kafka.client_properties == {
        "acks": "1",
        "bootstrap.servers": "b:9094",
        "sasl.scram.password": Secret("the value of sasl.scram.password", "live"),
        "ssl.keystore": TEMPLATE_OF_SECRET,
        "unknown": Secret("the value of unknown", "live"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "${get_secret('a', 'SecretString', 'b', 'c')}x",
        "x${get_secret('a', 'SecretString', 'b', 'c')}",
        "${get_secret('a', 'b')} ${'secret'}",
        "${other('a')}",
        "get_secret('a')",
    ],
)
def test_a_text_that_is_more_than_a_template_of_a_secret_is_a_secret(text):
    assert HttpHeader("key", text).value == Secret("the value of key", text)


def test_a_live_token_is_a_secret_even_if_the_file_has_no_such_action():
    url = "https://ingestion-a.b.sfdcnow.com/streams/c/d/event"
    live, _ = read_rules({**PAYLOAD, "actions": [{"salesforce": {"url": url, "token": "t" * 40}}]})
    token = Secret("the live value", "t" * 40)
    assert live[0].spec == evolve(SPEC, actions=(Action(salesforce=Salesforce(url, token)),))


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"sql": " "}, ["sql: the statement is empty; expected SELECT … FROM 'topic/filter'"]),
        (
            {"sql": "* FROM 'SELECT'"},
            ["sql: \"* FROM 'SELECT'\" has no SELECT clause; expected SELECT … FROM 'topic/filter'"],
        ),
        (
            {"sql": "select *"},
            [
                (
                    "sql: without FROM, only messages sent to the rule by Basic Ingest activate it; "
                    "expected FROM with a topic filter"
                )
            ],
        ),
        ({"actions": (Action(),)}, ["actions[0]: has no type; expected exactly one type of action"]),
        (
            {"error_action": Action(lambda_function=Lambda("f"), sqs=Sqs("q", ROLE_ARN))},
            ["error_action: has lambda_function, sqs; expected exactly one type of action"],
        ),
        (
            {"actions": (KINESIS, Action(sqs=Sqs("q", "role")))},
            [
                (
                    "actions[1].sqs.role_arn: 'role' is not the ARN of an IAM role; "
                    "expected an ARN such as 'arn:aws:iam::123456789012:role/NAME'"
                )
            ],
        ),
        (
            {"actions": (make_http_action(HttpHeader("Content-Type", Secret("env T", "x"))),)},
            [
                "actions[0].http.headers[0].value: 'Content-Type' takes no secret, because its value is always shown; expected its value as text"
            ],
        ),
        (
            {
                "error_action": Action(
                    kafka=Kafka(
                        "net", "t", {"acks": Secret("env T", "x"), "ssl.keystore": Secret("env T", "x")}
                    )
                )
            },
            [
                "error_action.kafka.client_properties.acks: 'acks' takes no secret, because its value is always shown; expected its value as text"
            ],
        ),
        (
            {
                "actions": (
                    Action(
                        kafka=Kafka(
                            "net", "t", {"sasl.scram.password": "x", "ssl.keystore": TEMPLATE_OF_SECRET}
                        )
                    ),
                )
            },
            [
                (
                    "actions[0].kafka.client_properties.sasl.scram.password: 'sasl.scram.password' is written in the file; "
                    "use '${get_secret(…)}', by which AWS IoT reads it from Secrets Manager"
                )
            ],
        ),
    ],
)
def test_a_rule_that_cannot_work_is_a_problem(changes, problems):
    assert list_problems(make_rule(evolve(SPEC, **changes))) == problems


def test_the_limits_of_aws_hold_for_nested_secrets_and_reveal_nothing():
    def find_violations(token: str | None) -> list[str]:
        url = "https://ingestion-a.b.sfdcnow.com/streams/c/d/event"
        actions = (Action(salesforce=Salesforce(url, Secret("env T", token))),)
        api = "CreateTopicRule.topicRulePayload.actions"
        violations = ServiceModelConstraints().find_violations("iot", api, actions)
        return [f"{violation.path}: {violation.problem}" for violation in violations]

    problem = "(0, 'salesforce', 'token'): the value has the wrong length"
    assert [find_violations(token) for token in ("t" * 40, None, "short")] == [[], [], [problem]]


def walk_shape(shape: Any, path: str) -> Iterator[tuple[str, bool]]:
    """Yield the path of each member on all levels of a structure, and whether it is required."""
    while shape.type_name == "list":
        shape = shape.member
    for name, member in getattr(shape, "members", {}).items():
        yield f"{path}.{name}", name in shape.required_members
        yield from walk_shape(member, f"{path}.{name}")


def walk_fields(annotation: Any) -> Iterator[tuple[str, bool]]:
    """Yield the `api` of each field on all levels of a class, and whether it is required."""
    for part in get_args(annotation):
        yield from walk_fields(part)
    if is_spec_class(annotation):
        types = get_type_hints(annotation)
        for name, member in get_members(annotation).items():
            yield member.api, member.required
            yield from walk_fields(types[name])


def test_every_member_of_every_action_of_the_service_model_is_a_field():
    shape = load_service_model("iot").shape_for("Action")
    members = dict(walk_shape(shape, "CreateTopicRule.topicRulePayload.actions"))
    fields = dict(walk_fields(Action))
    # An authorization is useless without its only member, which the service model does not require.
    assert {path for path in fields if fields[path] != members[path]} == {
        "CreateTopicRule.topicRulePayload.actions.http.auth.sigv4"
    }
    assert fields.keys() == members.keys()


@pytest.mark.parametrize(
    ("reference", "shown"),
    [
        ("web", "'web'"),
        (External(f"{build_arn('ruledestination')}/http/1"), f"'{build_arn('ruledestination')}/http/1'"),
    ],
    ids=["by name", "by ARN"],
)
def test_a_destination_of_another_type_is_a_problem(reference, shown):
    kafka = Action(kafka=Kafka(reference, "t", {"bootstrap.servers": "b:9094"}))
    influx_db = Action(influx_db=InfluxDb(reference, "d", "t", ROLE_ARN))
    web = make_resource(
        "topic_rule_destinations", "web", TopicRuleDestination(http=HttpDestination(f"{URL}iot"))
    )
    rule = make_rule(evolve(SPEC, actions=(kafka,), error_action=influx_db))
    assert list_problems(rule, web) == [
        f"actions[0].kafka.destination: {shown} is a destination of another type; expected a destination with vpc",
        f"error_action.influx_db.destination: {shown} is a destination of another type; expected a destination with influx_db",
    ]


def test_references_to_destinations_of_the_right_type_have_no_problems():
    vpc = TopicRuleDestination(vpc=VpcDestination("vpc-1", ("subnet-1",), ROLE_ARN))
    references = ("net", External("1"), External(f"{build_arn('ruledestination')}/vpc/1"))
    actions = tuple(
        Action(kafka=Kafka(reference, "t", {"bootstrap.servers": "b:9094"})) for reference in references
    )
    net = make_resource("topic_rule_destinations", "net", vpc)
    assert list_problems(make_rule(evolve(SPEC, actions=actions)), net) == []


def test_a_required_map_without_entries_is_a_problem():
    spec = evolve(SPEC, actions=(Action(kafka=Kafka("net", "t", {})),))
    assert [str(problem) for problem in find_empty_values(spec)] == [
        "actions[0].kafka.client_properties: empty; expected at least one key with a value"
    ]
