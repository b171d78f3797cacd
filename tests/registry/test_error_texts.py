"""Error texts that tools match: AWS's own, as in transcripts and in Terraform's acceptance tests."""

import pytest
from botocore.exceptions import ClientError

from tests.support.direct_client import ACCOUNT

ROLE = f"arn:aws:iam::{ACCOUNT}:role/camera"
CERTIFICATE = f"arn:aws:iot:eu-west-1:{ACCOUNT}:cert/" + "a" * 64


def catch_code_and_text(operation, **params):
    """Call an operation that must fail, and return AWS's code and text."""
    with pytest.raises(ClientError) as caught:
        operation(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_the_text_for_a_thing_with_different_attributes(iot):
    iot.create_thing(thingName="pump-7", attributePayload={"attributes": {"site": "oslo"}})

    assert catch_code_and_text(iot.create_thing, thingName="pump-7") == (
        "ResourceAlreadyExistsException",
        "Thing pump-7 already exists in account with different attributes",
    )


def test_the_text_for_a_thing_group_with_a_different_description(iot):
    iot.create_thing_group(thingGroupName="hall")

    different = {"thingGroupDescription": "The other hall"}
    assert catch_code_and_text(
        iot.create_thing_group, thingGroupName="hall", thingGroupProperties=different
    ) == (
        "ResourceAlreadyExistsException",
        "Thing Group hall already exists in current account with different properties",
    )


def test_the_text_for_a_role_alias_that_exists(iot):
    iot.create_role_alias(roleAlias="camera", roleArn=ROLE)

    assert catch_code_and_text(iot.create_role_alias, roleAlias="camera", roleArn=ROLE) == (
        "ResourceAlreadyExistsException",
        "Role alias camera already exists for this account",
    )


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        ("EXCLUSIVE_THING", "NON_EXCLUSIVE_THING", "Principal already has an exclusive Thing attached to it"),
        ("NON_EXCLUSIVE_THING", "EXCLUSIVE_THING", "Principal already has a Thing attached to it"),
    ],
)
def test_the_texts_for_a_second_thing_if_either_attachment_is_exclusive(iot, first, second, text):
    principal = iot.create_keys_and_certificate()["certificateArn"]
    for name in ("pump-7", "pump-8"):
        iot.create_thing(thingName=name)
    iot.attach_thing_principal(thingName="pump-7", principal=principal, thingPrincipalType=first)

    params = {"thingName": "pump-8", "principal": principal, "thingPrincipalType": second}
    assert catch_code_and_text(iot.attach_thing_principal, **params) == ("InvalidRequestException", text)


def test_the_text_for_a_principal_whose_certificate_does_not_exist(iot):
    iot.create_policy(policyName="p", policyDocument='{"Version": "2012-10-17", "Statement": []}')
    missing = ("ResourceNotFoundException", "The certificate given in the principal does not exist.")

    assert catch_code_and_text(iot.list_attached_policies, target=CERTIFICATE) == missing
    assert catch_code_and_text(iot.attach_policy, policyName="p", target=CERTIFICATE) == missing


def test_the_text_for_a_certificate_whose_ca_is_not_registered(iot, device_pem):
    assert catch_code_and_text(iot.register_certificate, certificatePem=device_pem) == (
        "CertificateStateException",
        "No CA certificate exists for the given certificate",
    )
