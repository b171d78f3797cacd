"""Dynamic thing groups."""

import pytest

from tests.support.direct_client import ACCOUNT, START_TIME, catch_error, remove_metadata

from .test_thing_groups import build_items, list_members

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:thinggroup/"
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)
CONFLICT = ("VersionConflictException", 409)
QUERY = "attributes.site:oslo"
DOCUMENT = '{"Version": "2012-10-17", "Statement": []}'


@pytest.fixture
def fleet_indexing(iot):
    """Fleet indexing, which dynamic groups need."""
    iot.update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "REGISTRY"})


@pytest.fixture
def oslo(iot, fleet_indexing):
    """The dynamic group of all things whose site is oslo."""
    properties = {"thingGroupDescription": "all in Oslo", "attributePayload": {"attributes": {"a": "1"}}}
    params = {"thingGroupName": "oslo", "thingGroupProperties": properties, "queryString": QUERY}
    return remove_metadata(iot.create_dynamic_thing_group(**params, tags=[{"Key": "line", "Value": "A"}]))


def create_thing_at_site(iot, name, site):
    iot.create_thing(thingName=name, attributePayload={"attributes": {"site": site}})


def test_a_dynamic_group_is_described_with_its_query(iot, oslo):
    described = remove_metadata(iot.describe_thing_group(thingGroupName="oslo"))

    query = {"indexName": "AWS_Things", "queryString": QUERY, "queryVersion": "2017-09-30"}
    identity = {
        "thingGroupName": "oslo",
        "thingGroupArn": ARN + "oslo",
        "thingGroupId": described["thingGroupId"],
    }
    assert oslo == {**identity, **query}
    assert described == {
        **identity,
        **query,
        "status": "ACTIVE",
        "version": 1,
        "thingGroupProperties": {
            "thingGroupDescription": "all in Oslo",
            "attributePayload": {"attributes": {"a": "1"}},
        },
        "thingGroupMetadata": {"creationDate": START_TIME},
    }
    assert iot.list_tags_for_resource(resourceArn=ARN + "oslo")["tags"] == [{"Key": "line", "Value": "A"}]
    assert iot.list_thing_groups()["thingGroups"] == build_items("oslo")


def test_membership_follows_the_things_attributes(iot, oslo):
    create_thing_at_site(iot, "pump-7", "oslo")
    create_thing_at_site(iot, "pump-8", "bergen")
    members_before = list_members(iot, "oslo")
    iot.update_thing(thingName="pump-7", attributePayload={"attributes": {"site": "bergen"}})
    iot.update_thing(thingName="pump-8", attributePayload={"attributes": {"site": "oslo"}})

    assert (members_before, list_members(iot, "oslo"), list_members(iot, "oslo", recursive=True)) == (
        ["pump-7"],
        ["pump-8"],
        ["pump-8"],
    )


def test_a_things_groups_include_the_dynamic_groups_it_matches(iot, oslo):
    iot.create_thing_group(thingGroupName="hall")
    iot.create_dynamic_thing_group(thingGroupName="fans", queryString="thingName:fan*")
    create_thing_at_site(iot, "pump-7", "oslo")
    iot.add_thing_to_thing_group(thingGroupName="hall", thingName="pump-7")

    assert iot.list_thing_groups_for_thing(thingName="pump-7")["thingGroups"] == build_items("oslo", "hall")


def test_an_update_changes_only_the_values_in_its_request_and_the_version(iot, oslo):
    """See test_21 in facts/test_things.py; this test covers dynamic thing groups."""
    create_thing_at_site(iot, "pump-7", "oslo")
    params = {"thingGroupName": "oslo", "thingGroupProperties": {}}
    first = iot.update_dynamic_thing_group(**params, queryString="thingName:fan*", expectedVersion=1)
    second = iot.update_dynamic_thing_group(**params, expectedVersion=2)

    described = iot.describe_thing_group(thingGroupName="oslo")
    assert (first["version"], second["version"], described["version"]) == (2, 3, 3)
    assert (described["queryString"], list_members(iot, "oslo")) == ("thingName:fan*", [])
    assert described["thingGroupProperties"]["thingGroupDescription"] == "all in Oslo"
    assert catch_error(iot.update_dynamic_thing_group, **params, expectedVersion=2) == CONFLICT
    assert catch_error(iot.delete_dynamic_thing_group, thingGroupName="oslo", expectedVersion=2) == CONFLICT


def test_repeating_a_creation_succeeds_but_other_parameters_raise_409(iot, fleet_indexing):
    params = {"thingGroupName": "oslo", "queryString": QUERY}
    first = remove_metadata(iot.create_dynamic_thing_group(**params))

    assert remove_metadata(iot.create_dynamic_thing_group(**params)) == first
    expected = ("ResourceAlreadyExistsException", 409)
    assert catch_error(iot.create_dynamic_thing_group, thingGroupName="oslo", queryString="*") == expected
    assert catch_error(iot.create_thing_group, thingGroupName="oslo") == expected


def test_a_new_group_has_no_things_or_tags_of_a_deleted_group_of_its_name(iot, oslo):
    iot.delete_dynamic_thing_group(thingGroupName="oslo")
    iot.delete_dynamic_thing_group(thingGroupName="oslo")  # a missing group is not an error
    iot.create_thing_group(thingGroupName="oslo")
    create_thing_at_site(iot, "pump-7", "oslo")

    assert list_members(iot, "oslo") == []
    assert iot.list_tags_for_resource(resourceArn=ARN + "oslo")["tags"] == []


def test_dynamic_groups_reject_things_and_children(iot, oslo):
    create_thing_at_site(iot, "pump-7", "oslo")
    pair = {"thingGroupName": "oslo", "thingName": "pump-7"}

    assert catch_error(iot.add_thing_to_thing_group, **pair) == INVALID
    assert catch_error(iot.remove_thing_from_thing_group, **pair) == INVALID
    assert catch_error(iot.create_thing_group, thingGroupName="row", parentGroupName="oslo") == INVALID


def test_a_policy_of_a_dynamic_group_applies_to_its_things_until_the_group_is_deleted(iot, oslo):
    create_thing_at_site(iot, "pump-7", "oslo")
    create_thing_at_site(iot, "pump-8", "bergen")
    iot.create_policy(policyName="connect", policyDocument=DOCUMENT)
    iot.attach_policy(policyName="connect", target=ARN + "oslo")

    def list_effective_policies(thing):
        policies = iot.get_effective_policies(thingName=thing)["effectivePolicies"]
        return [policy["policyName"] for policy in policies]

    assert iot.list_attached_policies(target=ARN + "oslo")["policies"][0]["policyName"] == "connect"
    assert (list_effective_policies("pump-7"), list_effective_policies("pump-8")) == (["connect"], [])
    iot.delete_dynamic_thing_group(thingGroupName="oslo")
    assert iot.list_targets_for_policy(policyName="connect")["targets"] == []


def test_dynamic_groups_count_toward_the_limit_of_ten_groups(iot, oslo):
    create_thing_at_site(iot, "pump-7", "oslo")
    for number in range(10):
        iot.create_thing_group(thingGroupName=f"g{number}")
    for number in range(9):
        iot.add_thing_to_thing_group(thingGroupName=f"g{number}", thingName="pump-7")
    groups_before = iot.list_thing_groups_for_thing(thingName="pump-7")["thingGroups"]
    last = {"thingGroupName": "g9", "thingName": "pump-7"}
    error = catch_error(iot.add_thing_to_thing_group, **last)
    iot.add_thing_to_thing_group(**last, overrideDynamicGroups=True)
    groups_after = iot.list_thing_groups_for_thing(thingName="pump-7")["thingGroups"]

    static_names = [f"g{number}" for number in range(10)]
    assert (groups_before, error) == (build_items("oslo", *static_names[:9]), INVALID)
    assert groups_after == build_items(*static_names)


def test_static_and_dynamic_groups_are_updated_and_deleted_by_separate_operations(iot, oslo):
    iot.create_thing_group(thingGroupName="hall")
    static, dynamic = {"thingGroupName": "hall"}, {"thingGroupName": "oslo"}

    assert catch_error(iot.update_thing_group, **dynamic, thingGroupProperties={}) == INVALID
    assert catch_error(iot.delete_thing_group, **dynamic) == INVALID
    assert catch_error(iot.update_dynamic_thing_group, **static, thingGroupProperties={}) == INVALID
    assert catch_error(iot.delete_dynamic_thing_group, **static) == INVALID
    error = catch_error(iot.update_dynamic_thing_group, thingGroupName="none", thingGroupProperties={})
    assert error == MISSING


def test_the_101st_dynamic_group_raises_limit_exceeded(iot, fleet_indexing):
    for number in range(100):
        iot.create_dynamic_thing_group(thingGroupName=f"g{number}", queryString="*")

    error = catch_error(iot.create_dynamic_thing_group, thingGroupName="more", queryString="*")

    assert error == ("LimitExceededException", 410)
