"""Responses of AWS that its users report, and that the embedded registry once lacked.

Fleet indexing is in test_query_errors.py and test_indexing.py, the catalog of schemas in test_schema_versions.py.
"""

import json
import re

import pytest

from tests.support.direct_client import ACCOUNT, create_client, register_ca

from .test_error_texts import catch_code_and_text

GROUP_ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:thinggroup/hall"
DOCUMENT = '{"Version": "2012-10-17", "Statement": []}'
ROLE = f"arn:aws:iam::{ACCOUNT}:role/provisioning"
OTHER_ACCOUNT = "999999999999"


def build_template(**properties):
    certificate = {"Type": "AWS::IoT::Certificate", "Properties": properties}
    thing = {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "pump-7"}}
    return json.dumps({"Resources": {"thing": thing, "certificate": certificate}})


def build_jitp_template(**policy):
    parameters = {"AWS::IoT::Certificate::Id": {"Type": "String"}}
    resources = {
        "certificate": {
            "Type": "AWS::IoT::Certificate",
            "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "ACTIVE"},
        },
        "policy": {"Type": "AWS::IoT::Policy", "Properties": policy},
    }
    return json.dumps({"Parameters": parameters, "Resources": resources})


@pytest.mark.parametrize("spelling", ["Active", "ACTIVE", "active", "Inactive", "INACTIVE"])
def test_register_thing_accepts_every_spelling_of_a_status(iot, ca, device_pem, spelling):
    iot.register_thing(templateBody=build_template(CertificatePem=device_pem, Status=spelling))

    (certificate,) = iot.list_certificates()["certificates"]
    assert certificate["status"] == spelling.upper()


def test_register_thing_rejects_a_status_that_aws_does_not_have(iot, ca, device_pem):
    template = build_template(CertificatePem=device_pem, Status="Enabled")

    assert catch_code_and_text(iot.register_thing, templateBody=template)[0] == "InvalidRequestException"


@pytest.mark.parametrize("status", ["PENDING_ACTIVATION", "PENDING_TRANSFER"])
@pytest.mark.parametrize("operation", ["register_certificate", "register_certificate_without_ca"])
def test_registering_a_certificate_with_a_pending_status_raises_certificate_state(
    iot, ca, device_pem, operation, status
):
    expected = ("CertificateStateException", f"Not allowed to register certificate with {status} status")

    assert catch_code_and_text(getattr(iot, operation), certificatePem=device_pem, status=status) == expected
    assert iot.list_certificates()["certificates"] == []


def test_registering_ones_own_ca_again_names_its_id_as_microchips_kit_parses_it(iot, ca, authority):
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException) as caught:
        register_ca(iot, authority)

    match = re.search("ID:([0-9a-zA-Z]+)", caught.value.response["Error"]["Message"])
    assert match
    assert match[1] == ca["certificateId"]


def test_registering_a_ca_of_another_account_in_default_mode_raises_invalid_request(
    iot, current_registry, ca, authority
):
    other_account = create_client("iot", current_registry.get, account=OTHER_ACCOUNT)
    code = other_account.get_registration_code()["registrationCode"]
    params = {"caCertificate": authority.pem, "verificationCertificate": authority.issue(code)}

    expected = ("InvalidRequestException", "Cannot accept this CACertificate")
    assert catch_code_and_text(other_account.register_ca_certificate, **params) == expected


def test_the_11th_ca_of_a_subject_is_rejected_with_awss_text(iot, authority):
    latest = authority
    for _ in range(10):
        latest = latest.renew()
        iot.register_ca_certificate(caCertificate=latest.pem, certificateMode="SNI_ONLY")
    params = {"caCertificate": latest.renew().pem, "certificateMode": "SNI_ONLY"}

    text = "Limit reached for number of CA Certificates with same subject"
    assert catch_code_and_text(iot.register_ca_certificate, **params) == ("LimitExceededException", text)


def test_registering_a_certificate_of_another_account_in_default_mode_raises_invalid_request(
    iot, current_registry, device, device_pem, authority
):
    (ca,) = iot.list_ca_certificates()["certificates"]
    iot.update_ca_certificate(certificateId=ca["certificateId"], newStatus="INACTIVE")
    iot.delete_ca_certificate(certificateId=ca["certificateId"])
    other_account = create_client("iot", current_registry.get, account=OTHER_ACCOUNT)
    register_ca(other_account, authority, setAsActive=True)

    expected = ("InvalidRequestException", "This request is not valid")
    assert catch_code_and_text(other_account.register_certificate, certificatePem=device_pem) == expected
    assert other_account.register_certificate_without_ca(certificatePem=device_pem)["certificateId"]


def test_operations_on_principals_reject_the_arn_of_a_thing_group(iot):
    iot.create_thing_group(thingGroupName="hall")
    iot.create_policy(policyName="p", policyDocument=DOCUMENT)
    iot.attach_policy(policyName="p", target=GROUP_ARN)
    expected = ("InvalidRequestException", "The given ARN does not represent a cert")

    pair = {"policyName": "p", "principal": GROUP_ARN}
    assert catch_code_and_text(iot.attach_principal_policy, **pair) == expected
    assert catch_code_and_text(iot.detach_principal_policy, **pair) == expected
    assert catch_code_and_text(iot.list_principal_policies, principal=GROUP_ARN) == expected
    policies = iot.list_attached_policies(target=GROUP_ARN)["policies"]
    assert [policy["policyName"] for policy in policies] == ["p"]


@pytest.mark.parametrize("policy", [{}, {"PolicyName": ""}, {"PolicyDocument": ""}])
def test_a_registration_template_with_a_policy_without_name_and_document_is_rejected(
    iot, ca, other_authority, policy
):
    config = {"templateBody": build_jitp_template(**policy), "roleArn": ROLE}
    text = "Invalid registration template. Neither policyName nor policyDocument is present in the Template."
    code = iot.get_registration_code()["registrationCode"]
    new_ca = {"caCertificate": other_authority.pem, "verificationCertificate": other_authority.issue(code)}

    for operation, params in (
        (iot.update_ca_certificate, {"certificateId": ca["certificateId"]}),
        (iot.register_ca_certificate, new_ca),
    ):
        error = catch_code_and_text(operation, **params, registrationConfig=config)
        assert error == ("InvalidRequestException", text)


@pytest.mark.parametrize(
    ("body", "problem"),
    [("{'Resources': {}}", "JSON not well-formed"), ("[]", "it is not a JSON object")],
)
def test_a_registration_template_that_is_not_a_json_object_is_rejected(iot, ca, body, problem):
    config = {"registrationConfig": {"templateBody": body, "roleArn": ROLE}}
    text = f"Invalid registration template. Template format error: {problem}"

    error = catch_code_and_text(iot.update_ca_certificate, certificateId=ca["certificateId"], **config)
    assert error == ("InvalidRequestException", text)


def test_a_registration_template_with_a_named_policy_is_stored_unchanged(iot, ca):
    config = {"templateBody": build_jitp_template(PolicyName="device"), "roleArn": ROLE}
    iot.update_ca_certificate(certificateId=ca["certificateId"], registrationConfig=config)

    assert iot.describe_ca_certificate(certificateId=ca["certificateId"])["registrationConfig"] == config


def test_creating_a_template_twice_has_awss_text(iot):
    body = build_template(CertificateId="ab" * 32)
    template = {"templateName": "pumps", "templateBody": body, "provisioningRoleArn": ROLE}
    iot.create_provisioning_template(**template)

    assert catch_code_and_text(iot.create_provisioning_template, **template) == (
        "ResourceAlreadyExistsException",
        "Template with name pumps already exists",
    )


def test_a_certificate_that_was_never_transferred_has_empty_transfer_data(iot, device):
    described = iot.describe_certificate(certificateId=device["certificateId"])["certificateDescription"]

    assert described["transferData"] == {}


def test_creating_a_dynamic_group_without_an_index_has_the_text_that_cloudformation_matches(iot):
    params = {"thingGroupName": "oslo", "queryString": "attributes.site:oslo"}
    text = (
        "AWS IoT Fleet Indexing is not enabled. Please enable index by calling UpdateIndexingConfiguration."
    )

    expected = ("ResourceNotFoundException", text)
    assert catch_code_and_text(iot.create_dynamic_thing_group, **params) == expected


def test_deleting_a_dynamic_group_as_a_static_one_has_awss_text(iot):
    iot.update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "REGISTRY"})
    iot.create_dynamic_thing_group(thingGroupName="hall", queryString="thingName:a")
    text = f"This operation does not support dynamic thing groups. Thing group arn: {GROUP_ARN}"

    error = catch_code_and_text(iot.delete_thing_group, thingGroupName="hall")
    assert error == ("InvalidRequestException", text)


def test_deleting_a_group_with_children_has_the_text_that_terraform_searches(iot):
    iot.create_thing_group(thingGroupName="RedLights")
    iot.create_thing_group(thingGroupName="child", parentGroupName="RedLights")
    text = "Cannot delete thing group : RedLights when there are still child groups attached to it"

    error = catch_code_and_text(iot.delete_thing_group, thingGroupName="RedLights")
    assert error == ("InvalidRequestException", text)


def test_a_fourth_searchable_attribute_is_rejected_with_awss_text(iot):
    properties = {"searchableAttributes": ["a", "b", "c", "d"]}
    text = "Only three searchable attributes are allowed for a thing type."

    error = catch_code_and_text(iot.create_thing_type, thingTypeName="pump", thingTypeProperties=properties)
    assert error == ("InvalidRequestException", text)


def test_deleting_an_active_certificate_has_awss_text(iot, device):
    text = f"Certificate must be deactivated (not ACTIVE) before deletion. Id: {device['certificateId']}"

    error = catch_code_and_text(iot.delete_certificate, certificateId=device["certificateId"])
    assert error == ("CertificateStateException", text)


def test_deleting_a_thing_type_right_after_its_deprecation_has_awss_text(iot):
    iot.create_thing_type(thingTypeName="pump")
    iot.deprecate_thing_type(thingTypeName="pump")
    wait = "Please wait for 5 minutes after deprecation and then retry"

    error = catch_code_and_text(iot.delete_thing_type, thingTypeName="pump")
    assert error == ("InvalidRequestException", f"Cannot delete thing type : pump. {wait}")
