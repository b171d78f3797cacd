"""Dynamic thing groups."""

from datetime import UTC, datetime

import pytest

from tests.support.direct_client import ACCOUNT, NOON, error_of, without_metadata

from .test_thing_groups import members, named

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:thinggroup/"
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)
CONFLICT = ("VersionConflictException", 409)
QUERY = "attributes.site:oslo"


@pytest.fixture
def indexed(iot):
    iot.update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "REGISTRY"})


@pytest.fixture
def oslo(iot, indexed):
    properties = {"thingGroupDescription": "all in Oslo", "attributePayload": {"attributes": {"a": "1"}}}
    params = {"thingGroupName": "oslo", "thingGroupProperties": properties, "queryString": QUERY}
    return without_metadata(iot.create_dynamic_thing_group(**params, tags=[{"Key": "line", "Value": "A"}]))


def settle(iot, name, site):
    iot.create_thing(thingName=name, attributePayload={"attributes": {"site": site}})


def test_a_dynamic_group_is_described_with_its_query(iot, oslo):
    described = without_metadata(iot.describe_thing_group(thingGroupName="oslo"))

    indexed = {"indexName": "AWS_Things", "queryString": QUERY, "queryVersion": "2017-09-30"}
    named_so = {
        "thingGroupName": "oslo",
        "thingGroupArn": ARN + "oslo",
        "thingGroupId": described["thingGroupId"],
    }
    assert oslo == {**named_so, **indexed}
    assert described == {
        **named_so,
        **indexed,
        "status": "ACTIVE",
        "version": 1,
        "thingGroupProperties": {
            "thingGroupDescription": "all in Oslo",
            "attributePayload": {"attributes": {"a": "1"}},
        },
        "thingGroupMetadata": {"creationDate": datetime.fromtimestamp(NOON, UTC)},
    }
    assert iot.list_tags_for_resource(resourceArn=ARN + "oslo")["tags"] == [{"Key": "line", "Value": "A"}]
    assert iot.list_thing_groups()["thingGroups"] == named("oslo")


def test_things_come_and_go_with_their_attributes(iot, oslo):
    settle(iot, "pump-7", "oslo")
    settle(iot, "pump-8", "bergen")
    before = members(iot, "oslo")
    iot.update_thing(thingName="pump-7", attributePayload={"attributes": {"site": "bergen"}})
    iot.update_thing(thingName="pump-8", attributePayload={"attributes": {"site": "oslo"}})

    assert (before, members(iot, "oslo"), members(iot, "oslo", recursive=True)) == (
        ["pump-7"],
        ["pump-8"],
        ["pump-8"],
    )


def test_a_things_groups_are_those_it_was_put_into_and_those_it_matches(iot, oslo):
    iot.create_thing_group(thingGroupName="hall")
    iot.create_dynamic_thing_group(thingGroupName="fans", queryString="thingName:fan*")
    settle(iot, "pump-7", "oslo")
    iot.add_thing_to_thing_group(thingGroupName="hall", thingName="pump-7")

    assert iot.list_thing_groups_for_thing(thingName="pump-7")["thingGroups"] == named("oslo", "hall")


def test_an_update_changes_what_is_given_and_increments_the_version(iot, oslo):
    """Behaviour 21, dynamic thing groups."""
    settle(iot, "pump-7", "oslo")
    params = {"thingGroupName": "oslo", "thingGroupProperties": {}}
    first = iot.update_dynamic_thing_group(**params, queryString="thingName:fan*", expectedVersion=1)
    second = iot.update_dynamic_thing_group(**params, expectedVersion=2)

    described = iot.describe_thing_group(thingGroupName="oslo")
    assert (first["version"], second["version"], described["version"]) == (2, 3, 3)
    assert (described["queryString"], members(iot, "oslo")) == ("thingName:fan*", [])
    assert described["thingGroupProperties"]["thingGroupDescription"] == "all in Oslo"
    assert error_of(iot.update_dynamic_thing_group, **params, expectedVersion=2) == CONFLICT
    assert error_of(iot.delete_dynamic_thing_group, thingGroupName="oslo", expectedVersion=2) == CONFLICT


def test_a_repeated_identical_creation_succeeds_and_a_differing_one_raises_409(iot, indexed):
    params = {"thingGroupName": "oslo", "queryString": QUERY}
    first = without_metadata(iot.create_dynamic_thing_group(**params))

    assert without_metadata(iot.create_dynamic_thing_group(**params)) == first
    expected = ("ResourceAlreadyExistsException", 409)
    assert error_of(iot.create_dynamic_thing_group, thingGroupName="oslo", queryString="*") == expected
    assert error_of(iot.create_thing_group, thingGroupName="oslo") == expected


def test_a_deleted_group_leaves_nothing_to_its_successor(iot, oslo):
    for _ in range(2):
        iot.delete_dynamic_thing_group(thingGroupName="oslo")
    iot.create_thing_group(thingGroupName="oslo")
    settle(iot, "pump-7", "oslo")

    assert members(iot, "oslo") == []
    assert iot.list_tags_for_resource(resourceArn=ARN + "oslo")["tags"] == []


def test_dynamic_groups_take_neither_things_nor_policies_nor_children(iot, oslo):
    settle(iot, "pump-7", "oslo")
    iot.create_policy(policyName="connect", policyDocument="{}")
    pair = {"thingGroupName": "oslo", "thingName": "pump-7"}

    assert error_of(iot.add_thing_to_thing_group, **pair) == INVALID
    assert error_of(iot.remove_thing_from_thing_group, **pair) == INVALID
    assert error_of(iot.attach_policy, policyName="connect", target=ARN + "oslo") == INVALID
    assert error_of(iot.create_thing_group, thingGroupName="row", parentGroupName="oslo") == INVALID


def test_each_kind_of_group_has_operations_of_its_own(iot, oslo):
    iot.create_thing_group(thingGroupName="hall")
    static, dynamic = {"thingGroupName": "hall"}, {"thingGroupName": "oslo"}

    assert error_of(iot.update_thing_group, **dynamic, thingGroupProperties={}) == INVALID
    assert error_of(iot.delete_thing_group, **dynamic) == INVALID
    assert error_of(iot.update_dynamic_thing_group, **static, thingGroupProperties={}) == INVALID
    assert error_of(iot.delete_dynamic_thing_group, **static) == INVALID
    code = error_of(iot.update_dynamic_thing_group, thingGroupName="none", thingGroupProperties={})
    assert code == MISSING


def test_there_are_at_most_a_hundred_dynamic_groups(iot, indexed):
    for number in range(100):
        iot.create_dynamic_thing_group(thingGroupName=f"g{number}", queryString="*")

    code = error_of(iot.create_dynamic_thing_group, thingGroupName="more", queryString="*")

    assert code == ("LimitExceededException", 410)
