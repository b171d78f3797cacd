"""Things."""

import uuid

import pytest

from tests.support.direct_client import ACCOUNT, catch_error, remove_metadata

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:thing/"


def get_attributes(iot, name="pump-7"):
    return iot.describe_thing(thingName=name)["attributes"]


def get_version(iot, name="pump-7"):
    return iot.describe_thing(thingName=name)["version"]


def build_payload(merge=None, **attributes):
    return {"attributes": attributes} if merge is None else {"attributes": attributes, "merge": merge}


def test_a_thing_is_described_as_it_was_created(iot):
    created = remove_metadata(
        iot.create_thing(thingName="pump-7", attributePayload=build_payload(site="oslo"))
    )
    described = remove_metadata(iot.describe_thing(thingName="pump-7"))

    assert created == {"thingName": "pump-7", "thingArn": ARN + "pump-7", "thingId": described["thingId"]}
    assert str(uuid.UUID(created["thingId"])) == created["thingId"]
    assert described == {
        "defaultClientId": "pump-7",
        "thingName": "pump-7",
        "thingId": created["thingId"],
        "thingArn": ARN + "pump-7",
        "attributes": {"site": "oslo"},
        "version": 1,
    }


def test_repeating_a_creation_succeeds_but_other_parameters_raise_409(iot):
    """Tested over HTTP too, by test_16 in facts/test_things.py."""
    first = remove_metadata(iot.create_thing(thingName="pump-7", attributePayload=build_payload(site="oslo")))
    repeated = remove_metadata(
        iot.create_thing(thingName="pump-7", attributePayload=build_payload(site="oslo"))
    )

    assert repeated == first
    assert get_version(iot) == 1
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException) as caught:
        iot.create_thing(thingName="pump-7")
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert (response["resourceId"], response["resourceArn"]) == (first["thingId"], first["thingArn"])


def test_a_4th_attribute_without_a_type_and_a_51st_with_a_type_are_rejected(iot):
    """Tested over HTTP too, by test_15 in facts/test_things.py."""
    iot.create_thing_type(thingTypeName="pump")
    three, fifty = ({f"a{number}": "x" for number in range(size)} for size in (3, 50))
    expected = ("InvalidRequestException", 400)

    iot.create_thing(thingName="untyped", attributePayload={"attributes": three})
    iot.create_thing(thingName="typed", thingTypeName="pump", attributePayload={"attributes": fifty})

    merge_params = {"attributePayload": {"attributes": {"more": "x"}, "merge": True}}
    assert catch_error(iot.update_thing, thingName="untyped", **merge_params) == expected
    assert catch_error(iot.update_thing, thingName="typed", **merge_params) == expected
    create_params = {"attributePayload": {"attributes": {**three, "more": "x"}}}
    assert catch_error(iot.create_thing, thingName="another", **create_params) == expected
    # Without its type, the thing would have too many attributes.
    assert catch_error(iot.update_thing, thingName="typed", removeThingType=True) == expected


def test_an_unknown_type_or_billing_group_raises_resource_not_found(iot):
    expected = ("ResourceNotFoundException", 404)

    assert catch_error(iot.create_thing, thingName="pump-7", thingTypeName="none") == expected
    assert catch_error(iot.create_thing, thingName="pump-7", billingGroupName="none") == expected
    assert iot.list_things()["things"] == []


def test_an_update_without_merge_replaces_all_attributes(iot):
    iot.create_thing(thingName="pump-7", attributePayload=build_payload(site="oslo", line="A"))
    iot.update_thing(thingName="pump-7", attributePayload=build_payload(line="B"))

    assert get_attributes(iot) == {"line": "B"}


def test_an_update_with_merge_keeps_other_attributes_and_removes_empty_ones(iot):
    iot.create_thing(thingName="pump-7", attributePayload=build_payload(site="oslo", line="A"))
    iot.update_thing(thingName="pump-7", attributePayload=build_payload(merge=True, site="", floor="2"))

    assert get_attributes(iot) == {"line": "A", "floor": "2"}


def test_an_update_without_attributes_keeps_them(iot):
    iot.create_thing_type(thingTypeName="pump")
    iot.create_thing(thingName="pump-7", attributePayload=build_payload(site="oslo"))
    iot.update_thing(thingName="pump-7", thingTypeName="pump", attributePayload={})

    described = iot.describe_thing(thingName="pump-7")
    assert (described["thingTypeName"], described["attributes"]) == ("pump", {"site": "oslo"})


def test_a_type_cannot_be_removed_and_set_in_one_update(iot):
    iot.create_thing_type(thingTypeName="pump")
    iot.create_thing(thingName="pump-7", thingTypeName="pump")

    error = catch_error(iot.update_thing, thingName="pump-7", thingTypeName="pump", removeThingType=True)
    iot.update_thing(thingName="pump-7", removeThingType=True)

    assert error == ("InvalidRequestException", 400)
    assert "thingTypeName" not in iot.describe_thing(thingName="pump-7")


def test_updates_increment_the_version_and_a_stale_one_raises_version_conflict(iot):
    """See test_21 in facts/test_things.py; this test covers things."""
    iot.create_thing(thingName="pump-7")
    iot.update_thing(thingName="pump-7", expectedVersion=1)
    iot.update_thing(thingName="pump-7")

    assert get_version(iot) == 3
    expected = ("VersionConflictException", 409)
    assert catch_error(iot.update_thing, thingName="pump-7", expectedVersion=2) == expected
    assert catch_error(iot.delete_thing, thingName="pump-7", expectedVersion=2) == expected
    assert get_version(iot) == 3
    iot.delete_thing(thingName="pump-7", expectedVersion=3)
    assert iot.list_things()["things"] == []


def test_deleting_a_missing_thing_succeeds_and_one_with_a_principal_fails(iot, device):
    """Tested over HTTP too, by test_12 in facts/test_things.py."""
    iot.delete_thing(thingName="missing")
    iot.delete_thing(thingName="missing", expectedVersion=4)
    iot.create_thing(thingName="pump-7")
    iot.attach_thing_principal(thingName="pump-7", principal=device["certificateArn"])

    assert catch_error(iot.delete_thing, thingName="pump-7") == ("InvalidRequestException", 400)


def test_a_thing_cannot_be_deleted_within_the_detach_lag(iot, device, clock):
    """Tested over HTTP too, by test_13 in facts/test_things.py."""
    iot.create_thing(thingName="pump-7")
    iot.attach_thing_principal(thingName="pump-7", principal=device["certificateArn"])
    iot.detach_thing_principal(thingName="pump-7", principal=device["certificateArn"])

    assert iot.list_thing_principals(thingName="pump-7")["principals"] == []
    assert catch_error(iot.delete_thing, thingName="pump-7") == ("InvalidRequestException", 400)
    clock.advance(5)  # the detach lag ends
    iot.delete_thing(thingName="pump-7")
    assert catch_error(iot.describe_thing, thingName="pump-7") == ("ResourceNotFoundException", 404)


def test_deleting_a_thing_deletes_its_attributes_and_memberships(iot):
    iot.create_thing_group(thingGroupName="hall")
    iot.create_thing(thingName="pump-7", attributePayload=build_payload(site="oslo"))
    iot.add_thing_to_thing_group(thingGroupName="hall", thingName="pump-7")
    iot.delete_thing(thingName="pump-7")
    iot.create_thing(thingName="pump-7")

    assert iot.list_thing_groups_for_thing(thingName="pump-7")["thingGroups"] == []
    assert iot.list_things(attributeName="site")["things"] == []
    assert (get_attributes(iot), get_version(iot)) == ({}, 1)


def test_operations_on_a_missing_thing_raise_resource_not_found(iot):
    expected = ("ResourceNotFoundException", 404)

    assert catch_error(iot.describe_thing, thingName="none") == expected
    assert catch_error(iot.update_thing, thingName="none") == expected
    assert catch_error(iot.list_thing_principals, thingName="none") == expected


def get_names(output):
    return [thing["thingName"] for thing in output["things"]]


@pytest.fixture
def fleet(iot):
    """Five things, in the order of their creation; c has a type, and e no attributes."""
    iot.create_thing_type(thingTypeName="pump")
    things = [("c", "oslo", "pump"), ("a", "bergen", None), ("d", "oslo-west", None), ("b", "oslo", None)]
    for name, site, thing_type in things:
        type_params = {} if thing_type is None else {"thingTypeName": thing_type}
        iot.create_thing(thingName=name, attributePayload=build_payload(site=site), **type_params)
    iot.create_thing(thingName="e")


def test_things_are_listed_in_creation_order_with_their_types_and_attributes(iot, fleet):
    output = iot.list_things()

    assert get_names(output) == ["c", "a", "d", "b", "e"]
    assert output["things"][0] == {
        "thingName": "c",
        "thingTypeName": "pump",
        "thingArn": ARN + "c",
        "attributes": {"site": "oslo"},
        "version": 1,
    }
    assert output["things"][4] == {
        "thingName": "e",
        "thingArn": ARN + "e",
        "attributes": {},
        "version": 1,
    }


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"attributeName": "site"}, ["a", "c", "b", "d"]),  # ordered by the value of `site`
        ({"attributeName": "site", "attributeValue": "oslo"}, ["c", "b"]),
        (
            {"attributeName": "site", "attributeValue": "oslo", "usePrefixAttributeValue": True},
            ["c", "b", "d"],
        ),
        ({"attributeName": "Site"}, []),
        ({"thingTypeName": "pump"}, ["c"]),
        ({"thingTypeName": "none"}, []),
    ],
)
def test_things_can_be_filtered_by_attribute_or_by_type(iot, fleet, filters, expected):
    assert get_names(iot.list_things(**filters)) == expected


def test_a_filter_by_attribute_value_requires_the_attribute_name(iot):
    assert catch_error(iot.list_things, attributeValue="oslo") == ("InvalidRequestException", 400)


def test_listing_by_attribute_follows_updates(iot, fleet):
    iot.update_thing(thingName="c", attributePayload=build_payload(site="bergen"))

    assert get_names(iot.list_things(attributeName="site", attributeValue="bergen")) == ["c", "a"]
    assert get_names(iot.list_things(attributeName="site", attributeValue="oslo")) == ["b"]


def test_listing_by_attribute_and_type_is_rejected(iot, fleet):
    with pytest.raises(iot.exceptions.InvalidRequestException) as caught:
        iot.list_things(attributeName="site", attributeValue="oslo", thingTypeName="pump")

    text = "Listing things by the combination of attribute and thing type is not supported"
    assert caught.value.response["Error"]["Message"] == text
