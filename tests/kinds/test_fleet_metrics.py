"""Fleet metrics: found by name, updated in place with the version that the plan read."""

from __future__ import annotations

from attrs import evolve

from reconciler.kinds.fleet_metrics import AggregationType, FleetMetric
from reconciler.model.resource import Live
from tests.support.desired_states import make_resource
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

ARN = build_arn("fleetmetric/a")
SPEC = FleetMetric("*", AggregationType("Statistics", ("count",)), "registry.version", 60)
MEMBERS = {
    "queryString": "*",
    "aggregationType": {"name": "Statistics", "values": ["count"]},
    "aggregationField": "registry.version",
    "period": 60,
    "indexName": "AWS_Things",
    "queryVersion": "2017-09-30",
    "unit": "None",
}


def make_live(spec: FleetMetric) -> Live:
    return Live("a", spec, version=3, owner="ws", arn=ARN, tags={**spec.tags, **OWNERSHIP_TAGS})


def make_metric(spec: FleetMetric):
    return make_resource("fleet_metrics", "a", spec)


def test_a_creation_is_one_call_with_the_ownership_tags():
    assert list_create_calls(make_metric(SPEC)) == [
        make_iot_call(
            "CreateFleetMetric",
            metricName="a",
            **MEMBERS,
            tags=make_tag_list(OWNERSHIP_TAGS),
            retried_errors={"IndexNotReadyException"},
        )
    ]


def test_only_metrics_that_are_desired_or_owned_are_described():
    responses = {
        "ListFleetMetrics": {
            "fleetMetrics": [
                {"metricName": "a", "metricArn": ARN},
                {"metricName": "foreign", "metricArn": build_arn("fleetmetric/foreign")},
            ]
        },
        "ListTagsForResource": lambda params: {
            "tags": make_tag_list(OWNERSHIP_TAGS) if params["resourceArn"] == ARN else []
        },
        "DescribeFleetMetric": {**MEMBERS, "metricName": "a", "metricArn": ARN, "version": 3},
    }
    live_resources, operations = read_kind("fleet_metrics", responses)
    assert live_resources == [make_live(SPEC)]
    assert operations.count("DescribeFleetMetric") == 1


def test_an_update_sends_all_fields_and_the_version_and_empties_a_removed_one():
    live = make_live(evolve(SPEC, description="Pumps", tags={"line": "A"}))
    after = make_metric(evolve(SPEC, period=120, tags={"line": "A"}))
    assert list_calls(make_change(after, live)) == [
        make_iot_call(
            "UpdateFleetMetric",
            metricName="a",
            **{**MEMBERS, "period": 120, "description": ""},
            expectedVersion=3,
        )
    ]


def test_a_removed_unit_becomes_the_unit_none():
    live = make_live(evolve(SPEC, unit="Count"))
    assert list_calls(make_change(make_metric(SPEC), live)) == [
        make_iot_call("UpdateFleetMetric", metricName="a", **MEMBERS, expectedVersion=3)
    ]


def test_a_deletion_expects_the_version_that_the_plan_read():
    assert list_delete_calls("fleet_metrics", make_live(SPEC)) == [
        make_iot_call("DeleteFleetMetric", metricName="a", expectedVersion=3, ignored_errors=NOT_FOUND)
    ]


def test_a_period_that_is_not_a_multiple_of_60_is_a_problem():
    assert list_problems(make_metric(evolve(SPEC, period=61))) == [
        "period: 61 is not valid; expected a multiple of 60"
    ]
