"""Facts 12 to 22: things, their types, groups and principals, and policies."""

import json

import pytest

from tests.support.direct_client import catch_error, catch_error_with_members, remove_metadata

from .conftest import DOCUMENT, INVALID, LAG_SECONDS


def test_12_deleting_a_missing_thing_succeeds_and_one_with_a_principal_fails(iot, device, thing):
    iot.delete_thing(thingName="missing")
    iot.attach_thing_principal(**thing, principal=device["certificateArn"])

    assert catch_error(iot.delete_thing, **thing) == INVALID


def test_13_a_thing_cannot_be_deleted_within_the_detach_lag(iot, device, thing, wait):
    iot.attach_thing_principal(**thing, principal=device["certificateArn"])
    iot.detach_thing_principal(**thing, principal=device["certificateArn"])

    first_error = catch_error(iot.delete_thing, **thing)
    wait(LAG_SECONDS - 1)
    last_error = catch_error(iot.delete_thing, **thing)
    wait(1)
    iot.delete_thing(**thing)

    assert (first_error, last_error) == (INVALID,) * 2
    assert iot.list_things()["things"] == []


def test_14_a_thing_type_can_be_deleted_only_5_minutes_after_deprecation(iot, wait):
    iot.create_thing_type(thingTypeName="pump")
    error_while_active = catch_error(iot.delete_thing_type, thingTypeName="pump")
    iot.deprecate_thing_type(thingTypeName="pump")
    error_on_assignment = catch_error(iot.create_thing, thingName="pump-7", thingTypeName="pump")
    wait(299)
    error_before_5_minutes = catch_error(iot.delete_thing_type, thingTypeName="pump")
    wait(1)
    iot.delete_thing_type(thingTypeName="pump")

    assert (error_while_active, error_on_assignment, error_before_5_minutes) == (INVALID,) * 3
    assert iot.list_thing_types()["thingTypes"] == []


@pytest.mark.parametrize(("type_params", "max_attributes"), [({}, 3), ({"thingTypeName": "pump"}, 50)])
def test_15_a_4th_attribute_without_a_type_and_a_51st_with_a_type_are_rejected(
    iot, type_params, max_attributes
):
    iot.create_thing_type(thingTypeName="pump")

    def create_thing(count):
        attributes = {f"a{number}": "1" for number in range(count)}
        name = f"with-{count}"
        return iot.create_thing(thingName=name, attributePayload={"attributes": attributes}, **type_params)

    create_thing(max_attributes)

    assert catch_error(create_thing, count=max_attributes + 1) == INVALID


def test_16_repeating_create_thing_succeeds_but_other_parameters_raise_409(iot):
    params = {"thingName": "pump-7", "attributePayload": {"attributes": {"site": "oslo"}}}
    first, second = (remove_metadata(iot.create_thing(**params)) for _ in range(2))
    members = {"resourceId": first["thingId"], "resourceArn": first["thingArn"]}

    assert first == second
    assert catch_error_with_members(iot.create_thing, thingName="pump-7") == (
        "ResourceAlreadyExistsException",
        409,
        members,
    )


def test_17_repeating_create_policy_raises_409(iot):
    iot.create_policy(policyName="p", policyDocument=DOCUMENT)

    assert catch_error(iot.create_policy, policyName="p", policyDocument=DOCUMENT) == (
        "ResourceAlreadyExistsException",
        409,
    )


def test_18_versions_policies_per_certificate_and_document_length_are_limited(iot, device):
    for number in range(11):
        iot.create_policy(policyName=f"p{number}", policyDocument=DOCUMENT)
    for _ in range(4):
        iot.create_policy_version(policyName="p0", policyDocument=DOCUMENT)
    for number in range(10):
        iot.attach_policy(policyName=f"p{number}", target=device["certificateArn"])
    max_size = 2048 - len('{"Id":"","Statement":[]}')  # white space is not counted
    longest, too_long = (
        json.dumps({"Id": "x" * size, "Statement": []}) + " \n" * 999 for size in (max_size, max_size + 1)
    )
    iot.create_policy(policyName="longest", policyDocument=longest)

    assert catch_error(iot.create_policy_version, policyName="p0", policyDocument=DOCUMENT) == (
        "VersionsLimitExceededException",
        409,
    )
    assert catch_error(iot.attach_policy, policyName="p10", target=device["certificateArn"]) == (
        "LimitExceededException",
        410,
    )
    assert catch_error(iot.create_policy, policyName="too-long", policyDocument=too_long) == (
        "MalformedPolicyException",
        400,
    )


def test_19_deleting_a_policy_with_targets_or_extra_versions_raises_delete_conflict(iot, device):
    for name in ("attached", "versions"):
        iot.create_policy(policyName=name, policyDocument=DOCUMENT)
    iot.attach_policy(policyName="attached", target=device["certificateArn"])
    iot.create_policy_version(policyName="versions", policyDocument=DOCUMENT)

    errors = [catch_error(iot.delete_policy, policyName=name) for name in ("attached", "versions")]
    assert errors == [("DeleteConflictException", 409)] * 2


def test_20_deleting_a_group_with_children_fails_and_with_things_succeeds(iot, thing):
    iot.create_thing_group(thingGroupName="parent")
    iot.create_thing_group(thingGroupName="child", parentGroupName="parent")
    iot.add_thing_to_thing_group(thingGroupName="child", **thing)

    parent_error = catch_error(iot.delete_thing_group, thingGroupName="parent")
    iot.delete_thing_group(thingGroupName="child")

    assert parent_error == INVALID
    assert [group["groupName"] for group in iot.list_thing_groups()["thingGroups"]] == ["parent"]
    assert iot.list_thing_groups_for_thing(**thing)["thingGroups"] == []


def test_21_updates_increment_the_version_and_a_stale_one_raises_409(iot, thing):
    iot.create_thing_group(thingGroupName="g")
    iot.create_billing_group(billingGroupName="b")
    updates = {
        iot.update_thing: thing,
        iot.update_thing_group: {"thingGroupName": "g", "thingGroupProperties": {}},
        iot.update_billing_group: {"billingGroupName": "b", "billingGroupProperties": {}},
    }
    for update, params in updates.items():
        update(**params, expectedVersion=1)
        update(**params)
        assert catch_error(update, **params, expectedVersion=1) == ("VersionConflictException", 409)
    deletions = {
        iot.delete_thing: thing,
        iot.delete_thing_group: {"thingGroupName": "g"},
        iot.delete_billing_group: {"billingGroupName": "b"},
    }
    for delete, params in deletions.items():
        assert catch_error(delete, **params, expectedVersion=2) == ("VersionConflictException", 409)
        delete(**params, expectedVersion=3)


def test_22_an_exclusively_attached_certificate_rejects_a_second_thing(iot, device, thing):
    iot.create_thing(thingName="pump-8")
    principal = {"principal": device["certificateArn"]}
    iot.attach_thing_principal(**thing, **principal, thingPrincipalType="EXCLUSIVE_THING")

    code, _ = catch_error(iot.attach_thing_principal, thingName="pump-8", **principal)
    things = iot.list_principal_things_v2(**principal)["principalThingObjects"]

    assert code == "InvalidRequestException"
    assert things == [{"thingName": "pump-7", "thingPrincipalType": "EXCLUSIVE_THING"}]
