"""Topic rule destinations."""

import pytest
from attrs import evolve

from tests.support.direct_client import ACCOUNT, START_TIME, catch_error

ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/r"
WEB = {"httpUrlConfiguration": {"confirmationUrl": "https://example.com/iot"}}
SILENT = {"httpUrlConfiguration": {"confirmationUrl": "https://example.invalid/iot"}}
NETWORK = {"vpcId": "vpc-1", "subnetIds": ["subnet-2", "subnet-1"], "roleArn": ROLE_ARN}
VPC = {"vpcConfiguration": NETWORK}
INFLUX_DB = {"endpoint": "https://db.example.com", "influxDBVersion": "V2", "secretId": "s"}
INVALID = ("InvalidRequestException", 400)
MISSING = ("UnauthorizedException", 401)
PROGRESS_SECONDS = 60


@pytest.fixture
def settings(settings):
    return evolve(settings, topic_rule_destination_seconds=PROGRESS_SECONDS)


def create(iot, configuration):
    response = iot.create_topic_rule_destination(destinationConfiguration=configuration)
    return response["topicRuleDestination"]


def get(iot, arn):
    return iot.get_topic_rule_destination(arn=arn)["topicRuleDestination"]


def get_status(iot, arn):
    return get(iot, arn)["status"]


def get_token(destination):
    return destination["statusReason"].rpartition(" ")[2].rstrip(".")


def test_a_destination_is_in_progress_and_then_enabled(iot, clock):
    created = create(iot, WEB)
    arn_type = f"arn:aws:iot:eu-west-1:{ACCOUNT}:ruledestination/http"
    assert created == {
        "arn": f"{arn_type}/{created['arn'].rpartition('/')[2]}",
        "status": "IN_PROGRESS",
        "createdAt": START_TIME,
        "lastUpdatedAt": START_TIME,
        "httpUrlProperties": {"confirmationUrl": "https://example.com/iot"},
    }
    assert get(iot, created["arn"]) == created
    clock.advance(PROGRESS_SECONDS)
    assert get_status(iot, created["arn"]) == "ENABLED"


def test_destinations_of_all_types_are_listed_in_pages(iot):
    arns = [create(iot, item)["arn"] for item in (WEB, VPC, {"influxDBConfiguration": INFLUX_DB})]
    pages = iot.get_paginator("list_topic_rule_destinations").paginate(PaginationConfig={"PageSize": 2})
    items = [[item["arn"] for item in page["destinationSummaries"]] for page in pages]
    assert items == [arns[:2], arns[2:]]
    summaries = iot.list_topic_rule_destinations()["destinationSummaries"]
    assert summaries[1]["vpcDestinationSummary"] == {**NETWORK, "subnetIds": ["subnet-1", "subnet-2"]}
    assert summaries[2]["influxDBSummary"] == INFLUX_DB


def test_an_endpoint_that_does_not_exist_is_confirmed_by_its_token_alone(iot, clock):
    created = create(iot, SILENT)
    clock.advance(PROGRESS_SECONDS)
    assert get_status(iot, created["arn"]) == "IN_PROGRESS"
    error = catch_error(iot.confirm_topic_rule_destination, confirmationToken="other")
    assert error == INVALID
    iot.confirm_topic_rule_destination(confirmationToken=get_token(created))
    assert get_status(iot, created["arn"]) == "ENABLED"


def test_a_confirmation_times_out_and_can_be_requested_again(iot, clock):
    created = create(iot, SILENT)
    clock.advance(3 * 86_400)
    failed = get(iot, created["arn"])
    assert (failed["status"], failed["statusReason"]) == (
        "ERROR",
        "The confirmation timed out: no response received from the endpoint.",
    )
    iot.update_topic_rule_destination(arn=created["arn"], status="IN_PROGRESS")
    waiting = get(iot, created["arn"])
    assert waiting["status"] == "IN_PROGRESS"
    assert get_token(waiting) != get_token(created)


def test_a_network_that_does_not_exist_ends_in_an_error(iot, clock):
    created = create(iot, {"vpcConfiguration": {**NETWORK, "subnetIds": ["subnet-000"]}})
    clock.advance(PROGRESS_SECONDS)
    failed = get(iot, created["arn"])
    assert (failed["status"], failed["statusReason"]) == ("ERROR", "The ID 'subnet-000' does not exist.")


def test_only_a_confirmed_destination_is_enabled_and_disabled(iot, clock):
    arns = [create(iot, configuration)["arn"] for configuration in (WEB, VPC)]
    for arn in arns:
        assert catch_error(iot.update_topic_rule_destination, arn=arn, status="DISABLED") == INVALID
    clock.advance(PROGRESS_SECONDS)
    for arn in arns:
        iot.update_topic_rule_destination(arn=arn, status="DISABLED")
        assert get_status(iot, arn) == "DISABLED"
        iot.update_topic_rule_destination(arn=arn, status="ENABLED")
    assert [get_status(iot, arn) for arn in arns] == ["ENABLED", "IN_PROGRESS"]
    clock.advance(PROGRESS_SECONDS)
    assert get_status(iot, arns[1]) == "ENABLED"
    for status in ("ERROR", "DELETING", "IN_PROGRESS"):
        assert catch_error(iot.update_topic_rule_destination, arn=arns[1], status=status) == INVALID


def test_the_deletion_of_a_network_destination_takes_time(iot, clock):
    web, network = create(iot, WEB)["arn"], create(iot, VPC)["arn"]
    for arn in (web, network):
        iot.delete_topic_rule_destination(arn=arn)
    assert catch_error(iot.get_topic_rule_destination, arn=web) == MISSING
    assert get_status(iot, network) == "DELETING"
    clock.advance(PROGRESS_SECONDS)
    assert catch_error(iot.get_topic_rule_destination, arn=network) == MISSING
    assert catch_error(iot.delete_topic_rule_destination, arn=network) == MISSING
    assert iot.list_topic_rule_destinations()["destinationSummaries"] == []


def test_two_destinations_cannot_have_the_same_configuration(iot):
    create(iot, VPC)
    reordered = {"vpcConfiguration": {**NETWORK, "subnetIds": ["subnet-1", "subnet-2"]}}
    error = catch_error(iot.create_topic_rule_destination, destinationConfiguration=reordered)
    assert error == ("ResourceAlreadyExistsException", 409)


@pytest.mark.parametrize(
    "configuration",
    [
        {},
        {**WEB, **VPC},
        {"httpUrlConfiguration": {"confirmationUrl": "http://example.com/"}},
        {"vpcConfiguration": {**NETWORK, "vpcId": "1"}},
        {"vpcConfiguration": {**NETWORK, "subnetIds": []}},
        {"vpcConfiguration": {**NETWORK, "subnetIds": ["a"]}},
        {"vpcConfiguration": {**NETWORK, "securityGroups": ["a"]}},
        {"influxDBConfiguration": {**INFLUX_DB, "endpoint": "db.example.com"}},
    ],
)
def test_an_invalid_configuration_of_a_destination_is_rejected(iot, configuration):
    assert catch_error(iot.create_topic_rule_destination, destinationConfiguration=configuration) == INVALID


def create_rule(iot, name, action):
    iot.create_topic_rule(ruleName=name, topicRulePayload={"sql": "SELECT 1", "actions": [action]})


def test_a_rule_creates_the_destination_of_its_http_action_once(iot):
    create_rule(iot, "a", {"http": {"url": "https://example.com/a"}})
    create_rule(iot, "b", {"http": {"url": "https://example.com/a"}})
    templates = {"url": "https://example.com/b/${topic()}", "confirmationUrl": "https://example.com/b"}
    create_rule(iot, "c", {"http": templates})
    create_rule(iot, "d", {"http": {**templates, "confirmationUrl": "https://example.com/b/${topic()}"}})
    summaries = iot.list_topic_rule_destinations()["destinationSummaries"]
    assert [item["httpUrlSummary"]["confirmationUrl"] for item in summaries] == [
        "https://example.com/a",
        "https://example.com/b",
    ]


KAFKA = {"destinationArn": "arn", "topic": "t", "clientProperties": {"a": "b"}}
INFLUX_DB_ACTION = {"destinationArn": "arn", "databaseName": "db", "tableName": "tb", "roleArn": ROLE_ARN}


@pytest.mark.parametrize(
    "action",
    [
        {"http": {"url": "https://example.com/${topic()}"}},
        {"http": {"url": "https://example.com/", "confirmationUrl": "https://example.org/"}},
        {"kafka": KAFKA},
        {"influxDB": INFLUX_DB_ACTION},
    ],
    ids=", ".join,
)
def test_a_rule_without_a_possible_destination_is_rejected(iot, action):
    payload = {"sql": "SELECT 1", "actions": [action]}
    assert catch_error(iot.create_topic_rule, ruleName="a", topicRulePayload=payload) == INVALID


def test_a_kafka_action_needs_a_network_destination(iot):
    web, network = create(iot, WEB)["arn"], create(iot, VPC)["arn"]
    create_rule(iot, "a", {"kafka": {**KAFKA, "destinationArn": network}})
    payload = {"sql": "SELECT 1", "actions": [{"kafka": {**KAFKA, "destinationArn": web}}]}
    assert catch_error(iot.create_topic_rule, ruleName="b", topicRulePayload=payload) == INVALID
