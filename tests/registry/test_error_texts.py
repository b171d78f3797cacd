"""Texts of errors that tools and people match: each is AWS's own, as transcripts and Terraform's acceptance tests have it."""

import pytest
from botocore.exceptions import ClientError

from tests.support.direct_client import ACCOUNT

ROLE = f"arn:aws:iam::{ACCOUNT}:role/camera"
CERTIFICATE = f"arn:aws:iot:eu-west-1:{ACCOUNT}:cert/" + "a" * 64


def said(operation, **params):
    """Call an operation that must fail; give AWS's code and text."""
    with pytest.raises(ClientError) as caught:
        operation(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_thing_of_the_same_name_with_other_attributes(iot):
    iot.create_thing(thingName="pump-7", attributePayload={"attributes": {"site": "oslo"}})

    assert said(iot.create_thing, thingName="pump-7") == (
        "ResourceAlreadyExistsException",
        "Thing pump-7 already exists in account with different attributes",
    )


def test_a_thing_group_of_the_same_name_with_another_description(iot):
    iot.create_thing_group(thingGroupName="hall")

    other = {"thingGroupDescription": "The other hall"}
    assert said(iot.create_thing_group, thingGroupName="hall", thingGroupProperties=other) == (
        "ResourceAlreadyExistsException",
        "Thing Group hall already exists in current account with different properties",
    )


def test_a_role_alias_of_the_same_name(iot):
    iot.create_role_alias(roleAlias="camera", roleArn=ROLE)

    assert said(iot.create_role_alias, roleAlias="camera", roleArn=ROLE) == (
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
def test_a_second_thing_beside_an_exclusive_one(iot, first, second, text):
    principal = iot.create_keys_and_certificate()["certificateArn"]
    for name in ("pump-7", "pump-8"):
        iot.create_thing(thingName=name)
    iot.attach_thing_principal(thingName="pump-7", principal=principal, thingPrincipalType=first)

    attached = {"thingName": "pump-8", "principal": principal, "thingPrincipalType": second}
    assert said(iot.attach_thing_principal, **attached) == ("InvalidRequestException", text)


def test_a_principal_whose_certificate_is_gone(iot):
    iot.create_policy(policyName="p", policyDocument='{"Version": "2012-10-17", "Statement": []}')
    gone = ("ResourceNotFoundException", "The certificate given in the principal does not exist.")

    assert said(iot.list_attached_policies, target=CERTIFICATE) == gone
    assert said(iot.attach_policy, policyName="p", target=CERTIFICATE) == gone


def test_a_certificate_whose_ca_is_not_registered(iot, device_pem):
    assert said(iot.register_certificate, certificatePem=device_pem) == (
        "CertificateStateException",
        "No CA certificate exists for the given certificate",
    )
