"""Billing groups and their members."""

import pytest

from tests.support.direct_client import ACCOUNT, START_TIME, catch_error, remove_metadata

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:billinggroup/"
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)
CONFLICT = ("VersionConflictException", 409)
PROPERTIES = {"billingGroupDescription": "our customer"}


@pytest.fixture
def acme(iot):
    """The billing group acme, which has a description and a tag."""
    tags = [{"Key": "line", "Value": "A"}]
    params = {"billingGroupName": "acme", "billingGroupProperties": PROPERTIES, "tags": tags}
    return remove_metadata(iot.create_billing_group(**params))


def list_things(iot, group="acme"):
    return iot.list_things_in_billing_group(billingGroupName=group)["things"]


def test_a_billing_group_is_described_as_it_was_created(iot, acme):
    described = remove_metadata(iot.describe_billing_group(billingGroupName="acme"))

    assert acme == {
        "billingGroupName": "acme",
        "billingGroupArn": ARN + "acme",
        "billingGroupId": described["billingGroupId"],
    }
    assert described == {
        **acme,
        "version": 1,
        "billingGroupProperties": PROPERTIES,
        "billingGroupMetadata": {"creationDate": START_TIME},
    }
    assert iot.list_tags_for_resource(resourceArn=ARN + "acme")["tags"] == [{"Key": "line", "Value": "A"}]


def test_repeating_a_creation_succeeds_but_other_parameters_raise_409(iot, acme):
    repeated = iot.create_billing_group(billingGroupName="acme", billingGroupProperties=PROPERTIES)

    assert remove_metadata(repeated) == acme
    expected = ("ResourceAlreadyExistsException", 409)
    assert catch_error(iot.create_billing_group, billingGroupName="acme") == expected


def test_updates_increment_the_version_and_a_stale_one_raises_version_conflict(iot, acme):
    """See test_21 in facts/test_things.py; this test covers billing groups."""
    params = {"billingGroupName": "acme", "billingGroupProperties": {}}

    versions = [iot.update_billing_group(**params, expectedVersion=version)["version"] for version in (1, 2)]

    assert versions == [2, 3]
    assert catch_error(iot.update_billing_group, **params, expectedVersion=2) == CONFLICT
    assert catch_error(iot.delete_billing_group, billingGroupName="acme", expectedVersion=2) == CONFLICT
    iot.delete_billing_group(billingGroupName="acme", expectedVersion=3)


def test_an_update_replaces_the_description_only_if_it_is_given(iot, acme):
    iot.update_billing_group(billingGroupName="acme", billingGroupProperties={})
    unchanged = iot.describe_billing_group(billingGroupName="acme")["billingGroupProperties"]
    iot.update_billing_group(
        billingGroupName="acme", billingGroupProperties={"billingGroupDescription": "new"}
    )
    changed = iot.describe_billing_group(billingGroupName="acme")["billingGroupProperties"]

    assert (unchanged, changed) == (PROPERTIES, {"billingGroupDescription": "new"})


def test_billing_groups_are_listed_by_prefix_in_creation_order(iot):
    for name in ("b-two", "a", "b-one"):
        iot.create_billing_group(billingGroupName=name)

    def list_groups(**extra):
        return iot.list_billing_groups(**extra)["billingGroups"]

    assert list_groups() == [{"groupName": name, "groupArn": ARN + name} for name in ("b-two", "a", "b-one")]
    assert [group["groupName"] for group in list_groups(namePrefixFilter="b-")] == ["b-two", "b-one"]


def test_a_thing_is_in_at_most_one_billing_group(iot, acme):
    iot.create_billing_group(billingGroupName="other")
    iot.create_thing(thingName="pump-7", billingGroupName="acme")
    iot.add_thing_to_billing_group(billingGroupName="acme", thingName="pump-7")

    error = catch_error(iot.add_thing_to_billing_group, billingGroupName="other", thingName="pump-7")

    assert (error, list_things(iot), list_things(iot, "other")) == (INVALID, ["pump-7"], [])
    assert iot.describe_thing(thingName="pump-7")["billingGroupName"] == "acme"


def test_a_thing_can_be_added_and_removed_by_arn(iot, acme):
    arn = iot.create_thing(thingName="pump-7")["thingArn"]
    iot.add_thing_to_billing_group(billingGroupArn=ARN + "acme", thingArn=arn)
    members = list_things(iot)
    for _ in range(2):
        iot.remove_thing_from_billing_group(billingGroupArn=ARN + "acme", thingArn=arn)

    assert (members, list_things(iot)) == (["pump-7"], [])
    assert "billingGroupName" not in iot.describe_thing(thingName="pump-7")


def test_removing_a_thing_from_another_billing_group_changes_nothing(iot, acme):
    iot.create_billing_group(billingGroupName="other")
    iot.create_thing(thingName="pump-7", billingGroupName="acme")
    iot.remove_thing_from_billing_group(billingGroupName="other", thingName="pump-7")

    assert list_things(iot) == ["pump-7"]


def test_creating_a_thing_again_without_its_billing_group_raises_409(iot, acme):
    params = {"thingName": "pump-7", "billingGroupName": "acme"}
    first = remove_metadata(iot.create_thing(**params))

    assert remove_metadata(iot.create_thing(**params)) == first
    assert catch_error(iot.create_thing, thingName="pump-7") == ("ResourceAlreadyExistsException", 409)
    assert catch_error(iot.create_thing, thingName="pump-8", billingGroupName="none") == MISSING


def test_a_billing_group_cannot_be_deleted_within_the_detach_lag_of_a_thing(iot, acme, clock):
    iot.create_thing(thingName="pump-7", billingGroupName="acme")
    iot.remove_thing_from_billing_group(thingName="pump-7", billingGroupName="acme")
    clock.advance(4.0)
    # Removing it again changes nothing.
    iot.remove_thing_from_billing_group(thingName="pump-7", billingGroupName="acme")
    assert catch_error(iot.delete_billing_group, billingGroupName="acme") == INVALID
    clock.advance(1.0)
    iot.delete_billing_group(billingGroupName="acme")

    assert catch_error(iot.describe_billing_group, billingGroupName="acme") == MISSING


def test_a_billing_group_can_be_deleted_only_without_things(iot, acme):
    iot.create_thing(thingName="pump-7", billingGroupName="acme")
    assert catch_error(iot.delete_billing_group, billingGroupName="acme") == INVALID
    iot.delete_thing(thingName="pump-7")
    for _ in range(2):
        iot.delete_billing_group(billingGroupName="acme")

    assert catch_error(iot.describe_billing_group, billingGroupName="acme") == MISSING
    iot.create_billing_group(billingGroupName="acme")
    assert iot.list_tags_for_resource(resourceArn=ARN + "acme")["tags"] == []


def test_requests_for_a_missing_resource_or_without_its_name_are_rejected(iot, acme):
    iot.create_thing(thingName="pump-7")
    for operation in (iot.describe_billing_group, iot.list_things_in_billing_group):
        assert catch_error(operation, billingGroupName="none") == MISSING
    assert (
        catch_error(iot.update_billing_group, billingGroupName="none", billingGroupProperties={}) == MISSING
    )
    for operation in (iot.add_thing_to_billing_group, iot.remove_thing_from_billing_group):
        assert catch_error(operation, billingGroupName="none", thingName="pump-7") == MISSING
        assert catch_error(operation, billingGroupName="acme", thingName="none") == MISSING
        assert catch_error(operation, billingGroupName="acme") == INVALID
        assert catch_error(operation, thingName="pump-7") == INVALID
