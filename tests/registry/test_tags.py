"""Tags of `iot` resources."""

import pytest

from tests.support.direct_client import ACCOUNT, error_of

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:"
INVALID = ("InvalidRequestException", 400)


@pytest.fixture
def hall(iot):
    return iot.create_thing_group(thingGroupName="hall")["thingGroupArn"]


def tags_of(iot, arn):
    return {tag["Key"]: tag["Value"] for tag in iot.list_tags_for_resource(resourceArn=arn)["tags"]}


def test_tags_are_added_changed_and_removed(iot, hall):
    iot.tag_resource(resourceArn=hall, tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iot.tag_resource(resourceArn=hall, tags=[{"Key": "b", "Value": "3"}, {"Key": "c"}])
    iot.untag_resource(resourceArn=hall, tagKeys=["a", "never-was"])

    assert tags_of(iot, hall) == {"b": "3", "c": ""}


def test_tagging_a_thing_or_a_device_certificate_is_refused(iot, device):
    """Fact 27."""
    thing = iot.create_thing(thingName="pump-7")["thingArn"]
    for arn in (thing, device["certificateArn"]):
        assert error_of(iot.tag_resource, resourceArn=arn, tags=[{"Key": "a"}]) == INVALID
        assert error_of(iot.untag_resource, resourceArn=arn, tagKeys=["a"]) == INVALID
        assert error_of(iot.list_tags_for_resource, resourceArn=arn) == INVALID


@pytest.mark.parametrize(
    "arn", ["hall", ARN, ARN.replace("eu-west-1", "us-east-1") + "thinggroup/hall", ARN + "indexes/hall"]
)
def test_what_is_no_arn_of_a_taggable_resource_here_is_refused(iot, hall, arn):
    assert error_of(iot.list_tags_for_resource, resourceArn=arn) == INVALID


@pytest.mark.parametrize("resource", ["thinggroup/none", "cacert/none", "thingtype/none"])
def test_what_is_missing_is_not_found(iot, resource):
    code = error_of(iot.tag_resource, resourceArn=ARN + resource, tags=[{"Key": "a"}])

    assert code == ("ResourceNotFoundException", 404)


def test_a_resource_has_at_most_fifty_tags(iot, hall):
    iot.tag_resource(resourceArn=hall, tags=[{"Key": f"k{n}"} for n in range(50)])
    iot.tag_resource(resourceArn=hall, tags=[{"Key": "k0", "Value": "again"}])

    assert error_of(iot.tag_resource, resourceArn=hall, tags=[{"Key": "k50"}]) == (
        "LimitExceededException",
        410,
    )
    refused = error_of(
        iot.create_thing_group, thingGroupName="yard", tags=[{"Key": f"k{n}"} for n in range(51)]
    )
    assert refused == INVALID


@pytest.mark.parametrize("tags", [[{"Key": "aws:x"}], [{"Key": "AWS:x"}], [{"Key": "a"}, {"Key": "a"}]])
def test_reserved_and_repeated_keys_are_refused_and_nothing_is_written(iot, hall, tags):
    assert error_of(iot.tag_resource, resourceArn=hall, tags=tags) == INVALID
    assert error_of(iot.create_thing_group, thingGroupName="yard", tags=tags) == INVALID
    assert [group["groupName"] for group in iot.list_thing_groups()["thingGroups"]] == ["hall"]


def test_a_deleted_group_leaves_no_tags_to_its_successor(iot, hall):
    iot.tag_resource(resourceArn=hall, tags=[{"Key": "a"}])
    iot.delete_thing_group(thingGroupName="hall")
    iot.create_thing_group(thingGroupName="hall")

    assert tags_of(iot, hall) == {}
