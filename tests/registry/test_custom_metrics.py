"""Custom metrics."""

from tests.support.direct_client import ACCOUNT, START_TIME, catch_error, remove_metadata

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:custommetric/battery"
PARAMS = {"metricName": "battery", "metricType": "number", "displayName": "Battery"}
DESCRIPTION = {**PARAMS, "metricArn": ARN, "creationDate": START_TIME, "lastModifiedDate": START_TIME}


def test_a_custom_metric_is_described_as_it_was_created(iot):
    tags = [{"Key": "line", "Value": "A"}]
    created = remove_metadata(iot.create_custom_metric(**PARAMS, tags=tags))
    assert created == {"metricName": "battery", "metricArn": ARN}
    assert remove_metadata(iot.describe_custom_metric(metricName="battery")) == DESCRIPTION
    assert iot.list_tags_for_resource(resourceArn=ARN)["tags"] == tags


def test_an_update_changes_the_display_name(iot):
    iot.create_custom_metric(**PARAMS)
    response = remove_metadata(iot.update_custom_metric(metricName="battery", displayName="Charge"))
    assert response == {**DESCRIPTION, "displayName": "Charge"}
    assert remove_metadata(iot.describe_custom_metric(metricName="battery")) == response


def test_repeating_a_creation_succeeds_only_with_the_same_token(iot):
    created = remove_metadata(iot.create_custom_metric(**PARAMS, clientRequestToken="t"))
    assert remove_metadata(iot.create_custom_metric(**PARAMS, clientRequestToken="t")) == created
    assert catch_error(iot.create_custom_metric, **PARAMS) == ("ResourceAlreadyExistsException", 409)


def test_a_name_of_the_metrics_of_aws_is_rejected(iot):
    error = catch_error(iot.create_custom_metric, metricName="aws:x", metricType="number")
    assert error == ("InvalidRequestException", 400)


def test_custom_metrics_are_listed_by_name_and_deleted_without_an_error(iot):
    for name in ("b", "a"):
        iot.create_custom_metric(**{**PARAMS, "metricName": name})
    assert iot.list_custom_metrics()["metricNames"] == ["b", "a"]
    for name in ("b", "b"):
        iot.delete_custom_metric(metricName=name)
    assert iot.list_custom_metrics()["metricNames"] == ["a"]
    missing = ("ResourceNotFoundException", 404)
    assert catch_error(iot.describe_custom_metric, metricName="b") == missing
    assert catch_error(iot.update_custom_metric, metricName="b", displayName="x") == missing
