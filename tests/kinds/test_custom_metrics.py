"""Custom metrics: found by name; only the display name changes in place."""

from __future__ import annotations

from attrs import evolve

from reconciler.kinds.custom_metrics import CustomMetric
from reconciler.model.resource import Live
from tests.support.desired_states import make_resource
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    build_arn,
    list_calls,
    list_create_calls,
    list_problems,
    make_change,
    make_iot_call,
    make_tag_list,
)

ARN = build_arn("custommetric/a")
SPEC = CustomMetric("number", "Battery")
TAGS = make_tag_list(OWNERSHIP_TAGS)
LIVE = Live("a", SPEC, owner="ws", arn=ARN, tags=OWNERSHIP_TAGS)


def make_metric(spec: CustomMetric, name: str = "a"):
    return make_resource("custom_metrics", name, spec)


def test_a_creation_is_one_call_with_the_ownership_tags():
    assert list_create_calls(make_metric(SPEC)) == [
        make_iot_call(
            "CreateCustomMetric", metricName="a", metricType="number", displayName="Battery", tags=TAGS
        )
    ]


def test_a_removed_display_name_becomes_an_empty_text():
    assert list_calls(make_change(make_metric(evolve(SPEC, display_name=None)), LIVE)) == [
        make_iot_call("UpdateCustomMetric", metricName="a", displayName="")
    ]


def test_another_type_needs_a_replacement():
    after = make_metric(evolve(SPEC, metric_type="number-list"))
    assert list_calls(make_change(after, LIVE)) == [
        make_iot_call("DeleteCustomMetric", metricName="a", ignored_errors=NOT_FOUND),
        make_iot_call(
            "CreateCustomMetric", metricName="a", metricType="number-list", displayName="Battery", tags=TAGS
        ),
    ]


def test_a_name_of_the_metrics_of_aws_is_a_problem():
    assert list_problems(make_metric(SPEC, "aws:bytes")) == [
        "'aws:bytes' begins with 'aws:', as only AWS's own metrics do; expected another name"
    ]
