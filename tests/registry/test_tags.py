"""Tags of `iot` resources."""

import pytest

from tests.support.direct_client import ACCOUNT, catch_error

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:"
INVALID = ("InvalidRequestException", 400)


@pytest.fixture
def hall(iot):
    return iot.create_thing_group(thingGroupName="hall")["thingGroupArn"]


def get_tags(iot, arn):
    return {tag["Key"]: tag["Value"] for tag in iot.list_tags_for_resource(resourceArn=arn)["tags"]}


def test_tags_are_added_changed_and_removed(iot, hall):
    iot.tag_resource(resourceArn=hall, tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iot.tag_resource(resourceArn=hall, tags=[{"Key": "b", "Value": "3"}, {"Key": "c"}])
    iot.untag_resource(resourceArn=hall, tagKeys=["a", "missing"])

    assert get_tags(iot, hall) == {"b": "3", "c": ""}


def test_things_and_device_certificates_cannot_be_tagged(iot, device):
    """Tested over HTTP too, by test_27 in facts/test_provisioning.py."""
    thing = iot.create_thing(thingName="pump-7")["thingArn"]
    for arn in (thing, device["certificateArn"]):
        assert catch_error(iot.tag_resource, resourceArn=arn, tags=[{"Key": "a"}]) == INVALID
        assert catch_error(iot.untag_resource, resourceArn=arn, tagKeys=["a"]) == INVALID
        assert catch_error(iot.list_tags_for_resource, resourceArn=arn) == INVALID


@pytest.mark.parametrize(
    "arn", ["hall", ARN, ARN.replace("eu-west-1", "us-east-1") + "thinggroup/hall", ARN + "indexes/hall"]
)
def test_an_invalid_arn_or_one_of_another_region_or_type_is_rejected(iot, hall, arn):
    assert catch_error(iot.list_tags_for_resource, resourceArn=arn) == INVALID


@pytest.mark.parametrize("resource", ["thinggroup/none", "cacert/none", "thingtype/none"])
def test_tagging_a_missing_resource_raises_resource_not_found(iot, resource):
    error = catch_error(iot.tag_resource, resourceArn=ARN + resource, tags=[{"Key": "a"}])

    assert error == ("ResourceNotFoundException", 404)


def test_a_resource_has_at_most_50_tags(iot, hall):
    iot.tag_resource(resourceArn=hall, tags=[{"Key": f"k{number}"} for number in range(50)])
    iot.tag_resource(resourceArn=hall, tags=[{"Key": "k0", "Value": "new"}])

    assert catch_error(iot.tag_resource, resourceArn=hall, tags=[{"Key": "k50"}]) == (
        "LimitExceededException",
        410,
    )
    error = catch_error(
        iot.create_thing_group, thingGroupName="yard", tags=[{"Key": f"k{number}"} for number in range(51)]
    )
    assert error == INVALID


@pytest.mark.parametrize("tags", [[{"Key": "aws:x"}], [{"Key": "AWS:x"}], [{"Key": "a"}, {"Key": "a"}]])
def test_reserved_and_repeated_keys_are_rejected_without_effect(iot, hall, tags):
    assert catch_error(iot.tag_resource, resourceArn=hall, tags=tags) == INVALID
    assert catch_error(iot.create_thing_group, thingGroupName="yard", tags=tags) == INVALID
    assert [group["groupName"] for group in iot.list_thing_groups()["thingGroups"]] == ["hall"]


def test_deleting_a_group_deletes_its_tags(iot, hall):
    iot.tag_resource(resourceArn=hall, tags=[{"Key": "a"}])
    iot.delete_thing_group(thingGroupName="hall")
    iot.create_thing_group(thingGroupName="hall")

    assert get_tags(iot, hall) == {}
