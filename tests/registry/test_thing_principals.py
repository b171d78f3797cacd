"""Attachments of principals to things."""

import pytest

from tests.support.direct_client import ACCOUNT, catch_error, remove_metadata

COGNITO_IDENTITY = "eu-west-1:3f1c9b8e-3c3a-4a6e-9a53-0d4f2f6b9a11"
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)


@pytest.fixture
def pumps(iot):
    """The things pump-7 and pump-8."""
    for name in ("pump-7", "pump-8"):
        iot.create_thing(thingName=name)


def test_both_versions_of_the_operations_list_attachments_by_thing_and_principal(iot, pumps, device):
    arn = device["certificateArn"]
    iot.attach_thing_principal(thingName="pump-8", principal=arn)
    iot.attach_thing_principal(thingName="pump-7", principal=arn)
    iot.attach_thing_principal(thingName="pump-7", principal=arn)
    iot.attach_thing_principal(
        thingName="pump-7", principal=COGNITO_IDENTITY, thingPrincipalType="EXCLUSIVE_THING"
    )

    outputs = [
        iot.list_thing_principals(thingName="pump-7"),
        iot.list_thing_principals_v2(thingName="pump-7"),
        iot.list_principal_things(principal=arn),
        iot.list_principal_things_v2(principal=arn),
    ]

    assert [remove_metadata(output) for output in outputs] == [
        {"principals": [arn, COGNITO_IDENTITY]},
        {
            "thingPrincipalObjects": [
                {"principal": arn, "thingPrincipalType": "NON_EXCLUSIVE_THING"},
                {"principal": COGNITO_IDENTITY, "thingPrincipalType": "EXCLUSIVE_THING"},
            ]
        },
        {"things": ["pump-7", "pump-8"]},
        {
            "principalThingObjects": [
                {"thingName": "pump-7", "thingPrincipalType": "NON_EXCLUSIVE_THING"},
                {"thingName": "pump-8", "thingPrincipalType": "NON_EXCLUSIVE_THING"},
            ]
        },
    ]


def test_the_v2_operations_filter_by_type(iot, pumps, device):
    arn = device["certificateArn"]
    iot.attach_thing_principal(thingName="pump-7", principal=arn)
    iot.attach_thing_principal(
        thingName="pump-7", principal=COGNITO_IDENTITY, thingPrincipalType="EXCLUSIVE_THING"
    )
    exclusive = {"thingPrincipalType": "EXCLUSIVE_THING"}

    principals = iot.list_thing_principals_v2(thingName="pump-7", **exclusive)["thingPrincipalObjects"]
    cognito_things = iot.list_principal_things_v2(principal=COGNITO_IDENTITY, **exclusive)[
        "principalThingObjects"
    ]
    device_things = iot.list_principal_things_v2(principal=arn, **exclusive)["principalThingObjects"]

    assert principals == [{"principal": COGNITO_IDENTITY, **exclusive}]
    assert cognito_things == [{"thingName": "pump-7", **exclusive}]
    assert device_things == []


def test_an_exclusively_attached_certificate_rejects_a_second_thing(iot, pumps, device):
    """Tested over HTTP too, by test_22 in facts/test_things.py."""
    arn = device["certificateArn"]
    iot.attach_thing_principal(thingName="pump-7", principal=arn, thingPrincipalType="EXCLUSIVE_THING")

    assert catch_error(iot.attach_thing_principal, thingName="pump-8", principal=arn) == INVALID
    iot.detach_thing_principal(thingName="pump-7", principal=arn)
    iot.attach_thing_principal(thingName="pump-8", principal=arn)
    assert iot.list_principal_things(principal=arn)["things"] == ["pump-8"]


def test_a_certificate_of_one_thing_can_become_exclusive_to_that_thing_only(iot, pumps, device):
    arn = device["certificateArn"]
    iot.attach_thing_principal(thingName="pump-7", principal=arn)

    exclusive = {"principal": arn, "thingPrincipalType": "EXCLUSIVE_THING"}
    assert catch_error(iot.attach_thing_principal, thingName="pump-8", **exclusive) == INVALID
    iot.attach_thing_principal(thingName="pump-7", **exclusive)
    attachments = iot.list_principal_things_v2(principal=arn)["principalThingObjects"]
    assert attachments == [{"thingName": "pump-7", "thingPrincipalType": "EXCLUSIVE_THING"}]


def test_attaching_again_within_the_detach_lag_cancels_the_detachment(iot, pumps, device, clock):
    arn = device["certificateArn"]
    iot.attach_thing_principal(thingName="pump-7", principal=arn)
    iot.detach_thing_principal(thingName="pump-7", principal=arn)
    iot.attach_thing_principal(thingName="pump-7", principal=arn)
    clock.advance(5)  # the detach lag ends

    assert iot.list_thing_principals(thingName="pump-7")["principals"] == [arn]


def test_missing_things_principals_and_attachments_raise_resource_not_found(iot, pumps, device):
    arn = device["certificateArn"]
    unknown = f"arn:aws:iot:eu-west-1:{ACCOUNT}:cert/{'a' * 64}"

    assert catch_error(iot.attach_thing_principal, thingName="none", principal=arn) == MISSING
    assert catch_error(iot.attach_thing_principal, thingName="pump-7", principal=unknown) == MISSING
    assert catch_error(iot.detach_thing_principal, thingName="none", principal=arn) == MISSING
    assert catch_error(iot.detach_thing_principal, thingName="pump-7", principal=arn) == MISSING
    assert catch_error(iot.list_principal_things, principal=unknown) == MISSING


@pytest.mark.parametrize(
    "principal",
    [
        "pump-7",
        f"arn:aws:iot:us-east-1:{ACCOUNT}:cert/{'a' * 64}",
        f"arn:aws:iot:eu-west-1:000000000000:cert/{'a' * 64}",
        f"arn:aws:iot:eu-west-1:{ACCOUNT}:thing/pump-7",
    ],
)
def test_an_invalid_principal_or_one_of_another_account_region_or_type_is_rejected(iot, pumps, principal):
    assert catch_error(iot.attach_thing_principal, thingName="pump-7", principal=principal) == INVALID
    assert catch_error(iot.list_principal_things, principal=principal) == INVALID
