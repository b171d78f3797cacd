"""Security profiles: found by name, attached to thing groups and to the things of the account."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from reconciler.kinds.security_profiles import KIND
from reconciler.kinds.shared.security_profile_spec import (
    Behavior,
    BehaviorCriteria,
    MachineLearningDetection,
    MetricDimension,
    MetricsExportConfig,
    MetricToRetain,
    MetricValue,
    SecurityProfile,
)
from reconciler.model.resource import External, Live
from tests.support.desired_states import evaluate_resources, make_resource
from tests.support.device_defender_strategy import MESSAGES, SNS_TARGET
from tests.support.kind_driver import (
    NOT_FOUND,
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

ARN = build_arn("securityprofile/a")
BATTERY = Behavior("battery", "battery", criteria=BehaviorCriteria("greater-than", MetricValue(number=12.5)))
TOPICS = evolve(MESSAGES, metric_dimension=MetricDimension("alarms"))
SPEC = SecurityProfile(
    "Pumps",
    (TOPICS, BATTERY),
    {"SNS": SNS_TARGET},
    (MetricToRetain("aws:num-disconnects"),),
    MetricsExportConfig("metrics", SNS_TARGET.role_arn),
    thing_groups=("g",),
    account_targets=("things",),
)
DATAPOINTS = {"consecutiveDatapointsToAlarm": 1, "consecutiveDatapointsToClear": 1}
BEHAVIORS = [
    {
        "name": "battery",
        "metric": "battery",
        "criteria": {"comparisonOperator": "greater-than", "value": {"number": 12.5}, **DATAPOINTS},
        "suppressAlerts": False,
        "exportMetric": False,
    },
    {
        "name": "messages",
        "metric": "aws:num-messages-sent",
        "metricDimension": {"dimensionName": "alarms", "operator": "IN"},
        "criteria": {
            "comparisonOperator": "less-than",
            "value": {"count": 100},
            "durationSeconds": 300,
            **DATAPOINTS,
        },
        "suppressAlerts": False,
        "exportMetric": False,
    },
]
MEMBERS = {
    "securityProfileDescription": "Pumps",
    "behaviors": BEHAVIORS,
    "alertTargets": {"SNS": {"alertTargetArn": SNS_TARGET.alert_target_arn, "roleArn": SNS_TARGET.role_arn}},
    "additionalMetricsToRetainV2": [{"metric": "aws:num-disconnects", "exportMetric": False}],
    "metricsExportConfig": {"mqttTopic": "metrics", "roleArn": SNS_TARGET.role_arn},
}
GROUP, ALL_THINGS = build_arn("thinggroup/g"), build_arn("all/things")


def make_profile(spec: SecurityProfile, name: str = "a"):
    return make_resource("security_profiles", name, spec)


def make_live(spec: SecurityProfile) -> Live:
    return Live("a", spec, 3, "ws", arn=ARN, tags=OWNERSHIP_TAGS)


def make_target_call(operation: str, target: str, **options: Any):
    return make_iot_call(operation, securityProfileName="a", securityProfileTargetArn=target, **options)


def read_profile(description: dict[str, Any], *targets: str, desired=()) -> tuple[Live, list[str]]:
    responses = {
        "ListSecurityProfiles": {"securityProfileIdentifiers": [{"name": "a", "arn": ARN}]},
        "ListTagsForResource": {"tags": make_tag_list(OWNERSHIP_TAGS)},
        "DescribeSecurityProfile": {
            **description,
            "securityProfileName": "a",
            "securityProfileArn": ARN,
            "version": 3,
        },
        "ListTargetsForSecurityProfile": {"securityProfileTargets": [{"arn": target} for target in targets]},
        "DescribeThingGroup": lambda params: {"queryString": "a"} if params["thingGroupName"] == "d" else {},
    }
    (live,), operations = read_kind("security_profiles", responses, *desired)
    return live, operations


def test_a_creation_attaches_the_profile_to_its_targets():
    assert list_create_calls(make_profile(SPEC)) == [
        make_iot_call(
            "CreateSecurityProfile", securityProfileName="a", **MEMBERS, tags=make_tag_list(OWNERSHIP_TAGS)
        ),
        make_target_call("AttachSecurityProfile", GROUP),
        make_target_call("AttachSecurityProfile", ALL_THINGS),
    ]


def test_a_profile_is_read_with_references_and_in_the_order_of_the_names():
    behaviors = (
        evolve(BATTERY, metric=External("battery")),
        evolve(MESSAGES, metric_dimension=MetricDimension(External("alarms"))),
    )
    expected = evolve(SPEC, behaviors=behaviors, thing_groups=(External("g"),))
    description = {**MEMBERS, "behaviors": BEHAVIORS[::-1]}
    live, _ = read_profile(description, ALL_THINGS, GROUP, desired=[make_profile(SPEC)])
    assert live == make_live(expected)


def test_metrics_that_older_clients_have_set_are_read_once():
    description = {
        "additionalMetricsToRetain": ["load", "aws:num-disconnects"],
        "additionalMetricsToRetainV2": [{"metric": "aws:num-disconnects", "exportMetric": True}],
    }
    live, _ = read_profile(description)
    assert live.spec == SecurityProfile(
        additional_metrics_to_retain=(
            MetricToRetain("aws:num-disconnects", export_metric=True),
            MetricToRetain(External("load")),
        )
    )


def test_only_groups_of_unknown_type_are_described():
    targets = [build_arn(f"thinggroup/{name}") for name in ("g", "d", "x")]
    desired = make_profile(SecurityProfile(thing_groups=("g",), dynamic_thing_groups=("x",)))
    live, operations = read_profile({}, *targets, desired=[desired])
    assert live.spec.thing_groups == (External("g"),)
    assert live.spec.dynamic_thing_groups == (External("d"), External("x"))
    assert operations.count("DescribeThingGroup") == 1


def test_an_update_removes_values_with_flags_and_then_changes_the_targets():
    after = make_profile(SecurityProfile(dynamic_thing_groups=("d",), account_targets=("things",)))
    assert list_calls(make_change(after, make_live(SPEC))) == [
        make_iot_call(
            "UpdateSecurityProfile",
            securityProfileName="a",
            securityProfileDescription="",
            deleteBehaviors=True,
            deleteAlertTargets=True,
            deleteAdditionalMetricsToRetain=True,
            deleteMetricsExportConfig=True,
            expectedVersion=3,
        ),
        make_target_call("AttachSecurityProfile", build_arn("thinggroup/d")),
        make_target_call("DetachSecurityProfile", GROUP, ignored_errors=NOT_FOUND),
    ]


def test_a_change_of_targets_alone_updates_nothing_else():
    after = make_profile(evolve(SPEC, thing_groups=()))
    assert list_calls(
        make_change(after, make_live(KIND.compute_effective_spec(make_profile(SPEC), None)))
    ) == [make_target_call("DetachSecurityProfile", GROUP, ignored_errors=NOT_FOUND)]


def test_a_deletion_expects_the_version_and_detaches_nothing():
    assert list_delete_calls("security_profiles", make_live(SPEC)) == [
        make_iot_call(
            "DeleteSecurityProfile", securityProfileName="a", expectedVersion=3, ignored_errors=NOT_FOUND
        )
    ]


def make_criteria(**fields: Any) -> tuple[Behavior, ...]:
    return (evolve(MESSAGES, criteria=BehaviorCriteria(**fields)),)


CRITERIA = "behaviors[0].criteria"
ML_DETECTION = MachineLearningDetection("LOW")
PROBLEMS = {
    "two behaviors": ((MESSAGES, MESSAGES), "behaviors[0].name: several behaviors have the name 'messages'"),
    "no metric": ((Behavior("a"),), "behaviors[0]: missing: nothing is measured"),
    "dimension": (
        (evolve(BATTERY, metric_dimension=MetricDimension("alarms")),),
        "behaviors[0].metric_dimension: a custom metric has no dimension",
    ),
    "no criteria": (make_criteria(), f"{CRITERIA}: has no value"),
    "two criteria": (
        make_criteria(value=MetricValue(count=1), ml_detection_config=ML_DETECTION),
        f"{CRITERIA}: has value, ml_detection_config",
    ),
    "no operator": (make_criteria(value=MetricValue(count=1)), f"{CRITERIA}: missing: nothing is compared"),
    "operator": (
        make_criteria(ml_detection_config=ML_DETECTION, comparison_operator="less-than"),
        f"{CRITERIA}.comparison_operator: ML Detect compares nothing",
    ),
    "value": (
        make_criteria(comparison_operator="in-set", value=MetricValue(count=1)),
        f"{CRITERIA}.value: has count, with the operator in-set",
    ),
    "empty value": (
        make_criteria(comparison_operator="less-than", value=MetricValue()),
        f"{CRITERIA}.value: is empty, with the operator less-than",
    ),
    "elements": (
        make_criteria(comparison_operator="in-port-set", value=MetricValue(ports=tuple(range(1001)))),
        "behaviors: 1,001 elements of metric values",
    ),
}


@pytest.mark.parametrize(("behaviors", "problem"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_behaviors_that_aws_would_reject_are_problems(behaviors, problem):
    texts = list_problems(make_profile(SecurityProfile(behaviors=behaviors)))
    assert problem in {text.partition("; ")[0] for text in texts}


def test_roles_of_alert_targets_and_exports_are_checked():
    alert_targets = {"SNS": evolve(SNS_TARGET, role_arn="no role")}
    export = MetricsExportConfig("metrics", "no role")
    texts = list_problems(
        make_profile(SecurityProfile(alert_targets=alert_targets, metrics_export_config=export))
    )
    assert {text.partition("; ")[0] for text in texts} == {
        "alert_targets.SNS.role_arn: 'no role' is not the ARN of an IAM role",
        "metrics_export_config.role_arn: 'no role' is not the ARN of an IAM role",
    }


def test_more_than_five_profiles_of_one_target_are_a_problem():
    profiles = [make_profile(SecurityProfile(account_targets=("things",)), name) for name in "abcdef"]
    assert list(KIND.check_together(evaluate_resources(*profiles[:5]))) == []
    ((address, problem),) = KIND.check_together(evaluate_resources(*profiles))
    assert (str(address), str(problem)) == (
        "security_profiles.f",
        "all/things has 6 security profiles; expected at most 5",
    )
