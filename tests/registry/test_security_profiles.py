"""Security profiles, their behaviors, and the metrics and dimensions that they use."""

import pytest

from tests.support.direct_client import ACCOUNT, START_TIME, catch_error, remove_metadata

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:securityprofile/pumps"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/defender"
MESSAGES = {
    "name": "messages",
    "metric": "aws:num-messages-sent",
    "metricDimension": {"dimensionName": "alarms", "operator": "IN"},
    "criteria": {"comparisonOperator": "less-than", "value": {"count": 100}, "durationSeconds": 300},
}
BATTERY = {
    "name": "battery",
    "metric": "battery",
    "criteria": {"comparisonOperator": "greater-than", "value": {"number": 12.5}},
}
PARAMS = {
    "securityProfileName": "pumps",
    "securityProfileDescription": "Pumps",
    "behaviors": [MESSAGES, BATTERY],
    "alertTargets": {"SNS": {"alertTargetArn": "arn:aws:sns:eu-west-1:123456789012:a", "roleArn": ROLE}},
    "additionalMetricsToRetainV2": [{"metric": "aws:num-disconnects"}],
    "metricsExportConfig": {"mqttTopic": "metrics", "roleArn": ROLE},
}
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)


@pytest.fixture
def profiles(iot):
    """Return a client of an account with a dimension and a custom metric."""
    iot.create_dimension(name="alarms", type="TOPIC_FILTER", stringValues=["a/#"])
    iot.create_custom_metric(metricName="battery", metricType="number", clientRequestToken="t")
    return iot


def describe(iot):
    return remove_metadata(iot.describe_security_profile(securityProfileName="pumps"))


def list_names(iot, **params):
    items = iot.list_security_profiles(**params)["securityProfileIdentifiers"]
    return [item["name"] for item in items]


def test_a_security_profile_is_described_as_it_was_created(profiles):
    tags = [{"Key": "line", "Value": "A"}]
    response = remove_metadata(profiles.create_security_profile(**PARAMS, tags=tags))
    assert response == {"securityProfileName": "pumps", "securityProfileArn": ARN}
    dates = {"creationDate": START_TIME, "lastModifiedDate": START_TIME}
    assert describe(profiles) == {**PARAMS, "securityProfileArn": ARN, "version": 1, **dates}
    assert profiles.list_tags_for_resource(resourceArn=ARN)["tags"] == tags
    assert catch_error(profiles.create_security_profile, **PARAMS) == ("ResourceAlreadyExistsException", 409)


def test_an_update_keeps_what_its_request_leaves_out_or_has_empty(profiles):
    profiles.create_security_profile(**PARAMS)
    response = profiles.update_security_profile(
        securityProfileName="pumps", behaviors=[], alertTargets={}, securityProfileDescription=""
    )
    description = describe(profiles)
    assert remove_metadata(response) == description
    expected = {**PARAMS, "securityProfileDescription": ""}
    assert {key: description[key] for key in (*PARAMS, "version")} == {**expected, "version": 2}


def test_flags_of_an_update_remove_members_that_the_request_does_not_set(profiles):
    profiles.create_security_profile(**PARAMS)
    update = profiles.update_security_profile
    assert catch_error(update, **PARAMS, deleteBehaviors=True) == INVALID
    update(
        securityProfileName="pumps",
        deleteBehaviors=True,
        deleteAlertTargets=True,
        deleteAdditionalMetricsToRetain=True,
        deleteMetricsExportConfig=True,
    )
    assert describe(profiles).keys() & PARAMS.keys() == {"securityProfileName", "securityProfileDescription"}


def test_updates_and_deletions_expect_a_version(profiles):
    profiles.create_security_profile(**PARAMS)
    conflict = ("VersionConflictException", 409)
    stale = {"securityProfileName": "pumps", "expectedVersion": 2}
    assert catch_error(profiles.update_security_profile, **stale) == conflict
    assert catch_error(profiles.delete_security_profile, **stale) == conflict
    profiles.delete_security_profile(securityProfileName="pumps", expectedVersion=1)
    profiles.delete_security_profile(securityProfileName="pumps")
    assert catch_error(profiles.describe_security_profile, securityProfileName="pumps") == MISSING


INVALID_BEHAVIORS = {
    "unique": [MESSAGES, {**BATTERY, "name": "messages"}],
    "metric": [{**BATTERY, "metric": "voltage"}],
    "no metric": [{"name": "a"}],
    "dimension": [{**MESSAGES, "metricDimension": {"dimensionName": "topics"}}],
    "dimension of a custom metric": [{**BATTERY, "metricDimension": {"dimensionName": "alarms"}}],
    "value": [{**BATTERY, "criteria": {"comparisonOperator": "in-set", "value": {"count": 1}}}],
    "values": [
        {**BATTERY, "criteria": {"comparisonOperator": "less-than", "value": {"count": 1, "number": 2.0}}}
    ],
    "elements": [
        {**BATTERY, "criteria": {"comparisonOperator": "in-set", "value": {"numbers": [1.0] * 1001}}}
    ],
}


@pytest.mark.parametrize("behaviors", INVALID_BEHAVIORS.values(), ids=INVALID_BEHAVIORS.keys())
def test_invalid_behaviors_are_rejected_and_reported_by_the_validation(profiles, behaviors):
    profiles.create_security_profile(**PARAMS)
    other = {**PARAMS, "securityProfileName": "others", "behaviors": behaviors}
    assert catch_error(profiles.create_security_profile, **other) == INVALID
    update = profiles.update_security_profile
    assert catch_error(update, securityProfileName="pumps", behaviors=behaviors) == INVALID
    validation = profiles.validate_security_profile_behaviors(behaviors=behaviors)
    assert (validation["valid"], len(validation["validationErrors"])) == (False, 1)
    valid = remove_metadata(profiles.validate_security_profile_behaviors(behaviors=PARAMS["behaviors"]))
    assert valid == {"valid": True, "validationErrors": []}


def test_profiles_are_listed_by_the_metric_or_the_dimension_they_use(profiles):
    profiles.create_security_profile(**PARAMS)
    profiles.create_security_profile(
        securityProfileName="retains", additionalMetricsToRetainV2=[{"metric": "battery"}]
    )
    profiles.create_security_profile(securityProfileName="old", additionalMetricsToRetain=["battery"])
    assert list_names(profiles) == ["pumps", "retains", "old"]
    assert list_names(profiles, dimensionName="alarms") == ["pumps"]
    assert list_names(profiles, metricName="battery") == ["pumps", "retains", "old"]
    both = {"metricName": "battery", "dimensionName": "alarms"}
    assert catch_error(profiles.list_security_profiles, **both) == INVALID
    page = profiles.list_security_profiles(metricName="battery", maxResults=1)
    token = page["nextToken"]
    assert list_names(profiles, metricName="battery", nextToken=token) == ["retains", "old"]


def test_metrics_and_dimensions_of_a_profile_cannot_be_deleted(profiles):
    profiles.create_security_profile(**PARAMS)
    assert catch_error(profiles.delete_dimension, name="alarms") == INVALID
    assert catch_error(profiles.delete_custom_metric, metricName="battery") == INVALID
    profiles.delete_security_profile(securityProfileName="pumps")
    profiles.delete_dimension(name="alarms")
    profiles.delete_custom_metric(metricName="battery")
    assert (profiles.list_dimensions()["dimensionNames"], profiles.list_custom_metrics()["metricNames"]) == (
        [],
        [],
    )


def test_an_account_has_at_most_ten_dimensions(iot):
    for number in range(10):
        iot.create_dimension(name=f"d{number}", type="TOPIC_FILTER", stringValues=["a/#"])
    eleventh = {"name": "d10", "type": "TOPIC_FILTER", "stringValues": ["a/#"]}
    assert catch_error(iot.create_dimension, **eleventh) == ("LimitExceededException", 410)
    iot.delete_dimension(name="d0")
    iot.create_dimension(**eleventh)
