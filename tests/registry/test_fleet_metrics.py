"""Fleet metrics."""

from datetime import UTC, datetime

import pytest

from tests.support.direct_client import ACCOUNT, START_SECONDS, START_TIME, catch_error, remove_metadata

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:fleetmetric/pumps"
PARAMS = {
    "queryString": "*",
    "aggregationType": {"name": "Statistics", "values": ["count"]},
    "aggregationField": "registry.version",
    "period": 60,
}
DESCRIPTION = {
    **PARAMS,
    "metricName": "pumps",
    "metricArn": ARN,
    "indexName": "AWS_Things",
    "queryVersion": "2017-09-30",
    "version": 1,
    "creationDate": START_TIME,
    "lastModifiedDate": START_TIME,
}


def describe(iot):
    return remove_metadata(iot.describe_fleet_metric(metricName="pumps"))


def test_a_fleet_metric_is_described_as_it_was_created(iot):
    tags = [{"Key": "line", "Value": "A"}]
    created = remove_metadata(iot.create_fleet_metric(metricName="pumps", tags=tags, **PARAMS))
    assert created == {"metricName": "pumps", "metricArn": ARN}
    assert describe(iot) == DESCRIPTION
    assert iot.list_tags_for_resource(resourceArn=ARN)["tags"] == tags


def test_an_update_changes_only_the_members_in_its_request(iot, clock):
    iot.create_fleet_metric(metricName="pumps", description="Pumps", **PARAMS)
    clock.advance(10)
    iot.update_fleet_metric(metricName="pumps", indexName="AWS_Things", period=120, expectedVersion=1)
    assert describe(iot) == {
        **DESCRIPTION,
        "description": "Pumps",
        "period": 120,
        "version": 2,
        "lastModifiedDate": datetime.fromtimestamp(START_SECONDS + 10, UTC),
    }


def test_another_version_than_the_expected_one_is_a_conflict(iot):
    iot.create_fleet_metric(metricName="pumps", **PARAMS)
    conflict = ("VersionConflictException", 409)
    update = {"metricName": "pumps", "indexName": "AWS_Things", "expectedVersion": 2}
    assert catch_error(iot.update_fleet_metric, **update) == conflict
    assert catch_error(iot.delete_fleet_metric, metricName="pumps", expectedVersion=2) == conflict


def test_repeating_a_creation_raises_409(iot):
    iot.create_fleet_metric(metricName="pumps", **PARAMS)
    error = catch_error(iot.create_fleet_metric, metricName="pumps", **PARAMS)
    assert error == ("ResourceAlreadyExistsException", 409)


def test_fleet_metrics_are_listed_in_pages(iot):
    for number in range(5):
        iot.create_fleet_metric(metricName=f"m{number}", **PARAMS)
    pages = iot.get_paginator("list_fleet_metrics").paginate(PaginationConfig={"PageSize": 2})
    names = [[metric["metricName"] for metric in page["fleetMetrics"]] for page in pages]
    assert names == [["m0", "m1"], ["m2", "m3"], ["m4"]]


def test_a_deleted_fleet_metric_loses_its_tags(iot):
    iot.create_fleet_metric(metricName="pumps", tags=[{"Key": "line", "Value": "A"}], **PARAMS)
    iot.delete_fleet_metric(metricName="pumps")
    iot.delete_fleet_metric(metricName="pumps")  # no error
    assert catch_error(iot.describe_fleet_metric, metricName="pumps") == ("ResourceNotFoundException", 404)
    iot.create_fleet_metric(metricName="pumps", **PARAMS)
    assert iot.list_tags_for_resource(resourceArn=ARN)["tags"] == []


@pytest.mark.parametrize("operation", ["create_fleet_metric", "update_fleet_metric"])
def test_a_period_that_is_not_a_multiple_of_60_is_rejected(iot, operation):
    params = {"metricName": "pumps", "indexName": "AWS_Things", **PARAMS, "period": 61}
    assert catch_error(getattr(iot, operation), **params) == ("InvalidRequestException", 400)
