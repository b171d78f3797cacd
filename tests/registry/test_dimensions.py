"""Dimensions."""

from datetime import UTC, datetime

from tests.support.direct_client import ACCOUNT, START_SECONDS, START_TIME, catch_error, remove_metadata

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:dimension/alarms"
PARAMS = {"name": "alarms", "type": "TOPIC_FILTER", "stringValues": ["a/#"]}
DESCRIPTION = {**PARAMS, "arn": ARN, "creationDate": START_TIME, "lastModifiedDate": START_TIME}


def test_a_dimension_is_described_as_it_was_created(iot):
    tags = [{"Key": "line", "Value": "A"}]
    assert remove_metadata(iot.create_dimension(**PARAMS, tags=tags)) == {"name": "alarms", "arn": ARN}
    assert remove_metadata(iot.describe_dimension(name="alarms")) == DESCRIPTION
    assert iot.list_tags_for_resource(resourceArn=ARN)["tags"] == tags


def test_an_update_returns_the_description(iot, clock):
    iot.create_dimension(**PARAMS)
    clock.advance(10)
    response = remove_metadata(iot.update_dimension(name="alarms", stringValues=["b/#", "c"]))
    modified = datetime.fromtimestamp(START_SECONDS + 10, UTC)
    assert response == {**DESCRIPTION, "stringValues": ["b/#", "c"], "lastModifiedDate": modified}
    assert remove_metadata(iot.describe_dimension(name="alarms")) == response


def test_repeating_a_creation_raises_409_even_with_the_same_token(iot):
    iot.create_dimension(**PARAMS, clientRequestToken="t")
    error = catch_error(iot.create_dimension, **PARAMS, clientRequestToken="t")
    assert error == ("ResourceAlreadyExistsException", 409)


def test_dimensions_are_listed_by_name_and_deleted_without_an_error(iot):
    for name in ("b", "a"):
        iot.create_dimension(**{**PARAMS, "name": name})
    assert iot.list_dimensions()["dimensionNames"] == ["b", "a"]
    for name in ("b", "b"):
        iot.delete_dimension(name=name)
    assert iot.list_dimensions()["dimensionNames"] == ["a"]
    missing = ("ResourceNotFoundException", 404)
    assert catch_error(iot.describe_dimension, name="b") == missing
    assert catch_error(iot.update_dimension, name="b", stringValues=["x"]) == missing
