"""Provisioning templates, their versions, and claims."""

import hashlib
import json
from datetime import timedelta

import pytest
from cryptography import x509

from tests.support import pki
from tests.support.direct_client import (
    ACCOUNT,
    START_TIME,
    catch_error,
    register_ca,
    remove_metadata,
)
from tests.support.stored_templates import ACCEPTED, REJECTED

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:provisioningtemplate/"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/provision"
THING = {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "a"}}
BODY = json.dumps({"Resources": {"thing": THING}})
OTHER_BODY = json.dumps({"Parameters": {}, "Resources": {"thing": THING}})
HOOK = {"payloadVersion": "2020-04-01", "targetArn": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:check"}
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)
CONFLICT = ("DeleteConflictException", 409)
TEMPLATE = {"templateName": "fleet", "templateBody": BODY, "provisioningRoleArn": ROLE}
NAME_PARAMS = {"templateName": "fleet"}


@pytest.fixture
def fleet(iot):
    """The template `fleet`, which is not enabled; the value is the output of its creation."""
    return remove_metadata(iot.create_provisioning_template(**TEMPLATE))


def add_version(iot, **extra):
    output = iot.create_provisioning_template_version(**NAME_PARAMS, templateBody=OTHER_BODY, **extra)
    return remove_metadata(output)


def list_versions(iot):
    """Return the version IDs, oldest first, and the IDs of default versions."""
    items = iot.list_provisioning_template_versions(**NAME_PARAMS)["versions"]
    return [item["versionId"] for item in items], [
        item["versionId"] for item in items if item["isDefaultVersion"]
    ]


def test_a_template_is_described_as_it_was_created(iot):
    tags = [{"Key": "line", "Value": "A"}]
    extra = {"description": "all pumps", "enabled": True, "preProvisioningHook": HOOK, "tags": tags}
    created = remove_metadata(iot.create_provisioning_template(**TEMPLATE, **extra))

    item = {
        "templateArn": ARN + "fleet",
        "templateName": "fleet",
        "description": "all pumps",
        "creationDate": START_TIME,
        "lastModifiedDate": START_TIME,
        "enabled": True,
        "type": "FLEET_PROVISIONING",
    }
    assert created == {"templateArn": ARN + "fleet", "templateName": "fleet", "defaultVersionId": 1}
    assert remove_metadata(iot.describe_provisioning_template(**NAME_PARAMS)) == {
        **item,
        "defaultVersionId": 1,
        "templateBody": BODY,
        "provisioningRoleArn": ROLE,
        "preProvisioningHook": HOOK,
    }
    assert iot.list_provisioning_templates()["templates"] == [item]
    assert iot.list_tags_for_resource(resourceArn=ARN + "fleet")["tags"] == tags


def test_repeating_a_creation_raises_409(iot, fleet):
    assert catch_error(iot.create_provisioning_template, **TEMPLATE) == (
        "ResourceAlreadyExistsException",
        409,
    )


def test_an_update_changes_only_what_its_parameters_name(iot, fleet, clock):
    clock.advance(10)
    add_version(iot)
    iot.update_provisioning_template(
        **NAME_PARAMS, enabled=True, description="new", defaultVersionId=2, preProvisioningHook=HOOK
    )
    with_hook = remove_metadata(iot.describe_provisioning_template(**NAME_PARAMS))
    iot.update_provisioning_template(**NAME_PARAMS, removePreProvisioningHook=True)
    without_hook = remove_metadata(iot.describe_provisioning_template(**NAME_PARAMS))

    assert with_hook == {
        **fleet,
        "description": "new",
        "creationDate": START_TIME,
        "lastModifiedDate": START_TIME + timedelta(seconds=10),
        "defaultVersionId": 2,
        "templateBody": OTHER_BODY,
        "enabled": True,
        "provisioningRoleArn": ROLE,
        "preProvisioningHook": HOOK,
        "type": "FLEET_PROVISIONING",
    }
    assert {**without_hook, "preProvisioningHook": HOOK} == with_hook
    assert "preProvisioningHook" not in without_hook
    set_and_remove_params = {"preProvisioningHook": HOOK, "removePreProvisioningHook": True}
    assert catch_error(iot.update_provisioning_template, **NAME_PARAMS, **set_and_remove_params) == INVALID


def test_only_a_fleet_provisioning_template_can_have_a_hook(iot):
    jitp = {**TEMPLATE, "type": "JITP"}
    assert catch_error(iot.create_provisioning_template, **jitp, preProvisioningHook=HOOK) == INVALID
    iot.create_provisioning_template(**jitp)

    assert catch_error(iot.update_provisioning_template, **NAME_PARAMS, preProvisioningHook=HOOK) == INVALID
    assert iot.describe_provisioning_template(**NAME_PARAMS)["type"] == "JITP"


def test_versions_can_be_added_described_and_made_the_default(iot, fleet):
    assert add_version(iot) == {
        "templateArn": ARN + "fleet",
        "templateName": "fleet",
        "versionId": 2,
        "isDefaultVersion": False,
    }
    assert add_version(iot, setAsDefault=True)["isDefaultVersion"]
    assert list_versions(iot) == ([1, 2, 3], [3])
    described = iot.describe_provisioning_template_version(**NAME_PARAMS, versionId=2)
    assert remove_metadata(described) == {
        "versionId": 2,
        "creationDate": START_TIME,
        "templateBody": OTHER_BODY,
        "isDefaultVersion": False,
    }


def test_a_6th_version_is_rejected_and_the_id_of_a_deleted_version_is_not_reused(iot, fleet):
    for _ in range(4):
        add_version(iot)
    params = {**NAME_PARAMS, "templateBody": OTHER_BODY}
    expected = ("VersionsLimitExceededException", 409)
    assert catch_error(iot.create_provisioning_template_version, **params) == expected
    # Version 1 is the default version, which cannot be deleted.
    assert catch_error(iot.delete_provisioning_template_version, **NAME_PARAMS, versionId=1) == CONFLICT
    iot.delete_provisioning_template_version(**NAME_PARAMS, versionId=5)
    add_version(iot)

    assert list_versions(iot) == ([1, 2, 3, 4, 6], [1])


@pytest.mark.parametrize("body", ["", "{", "[]", "[" * 5000])
def test_a_body_that_is_not_a_json_object_is_rejected(iot, fleet, body):
    template = {**TEMPLATE, "templateName": "other", "templateBody": body}
    assert catch_error(iot.create_provisioning_template, **template) == INVALID
    assert catch_error(iot.create_provisioning_template_version, **NAME_PARAMS, templateBody=body) == INVALID


def test_deleting_a_template_deletes_its_versions_and_tags(iot, fleet):
    add_version(iot)
    iot.tag_resource(resourceArn=ARN + "fleet", tags=[{"Key": "line", "Value": "A"}])
    iot.delete_provisioning_template(**NAME_PARAMS)
    error = catch_error(iot.describe_provisioning_template, **NAME_PARAMS)
    iot.create_provisioning_template(**TEMPLATE)

    assert (error, list_versions(iot)) == (MISSING, ([1], [1]))
    assert iot.list_tags_for_resource(resourceArn=ARN + "fleet")["tags"] == []


def test_a_ca_can_only_use_a_jitp_template_and_prevents_its_deletion(iot, fleet, authority):
    iot.create_provisioning_template(**{**TEMPLATE, "templateName": "jitp", "type": "JITP"})
    for name, error in (("none", MISSING), ("fleet", INVALID)):
        params = {"caCertificate": authority.pem, "certificateMode": "SNI_ONLY"}
        config = {"registrationConfig": {"templateName": name}}
        assert catch_error(iot.register_ca_certificate, **params, **config) == error
    registered = register_ca(iot, authority, registrationConfig={"templateName": "jitp"})

    certificates = iot.list_ca_certificates(templateName="jitp")["certificates"]
    assert [certificate["certificateId"] for certificate in certificates] == [registered["certificateId"]]
    assert catch_error(iot.delete_provisioning_template, templateName="jitp") == CONFLICT
    iot.delete_ca_certificate(certificateId=registered["certificateId"])
    iot.delete_provisioning_template(templateName="jitp")


def test_a_claim_of_an_enabled_template_is_valid_for_five_minutes_and_not_stored(iot, fleet):
    assert catch_error(iot.create_provisioning_claim, **NAME_PARAMS) == INVALID
    iot.update_provisioning_template(**NAME_PARAMS, enabled=True)
    claim = iot.create_provisioning_claim(**NAME_PARAMS)

    certificate = x509.load_pem_x509_certificate(claim["certificatePem"].encode())
    assert claim["certificateId"] == hashlib.sha256(pki.to_der(claim["certificatePem"])).hexdigest()
    assert claim["expiration"] == certificate.not_valid_after_utc == START_TIME + timedelta(minutes=5)
    assert iot.list_certificates()["certificates"] == []


def test_the_257th_template_raises_limit_exceeded(iot):
    for number in range(256):
        iot.create_provisioning_template(**{**TEMPLATE, "templateName": f"t{number}"})

    assert catch_error(iot.create_provisioning_template, **TEMPLATE) == ("LimitExceededException", 410)


def test_missing_templates_and_versions_raise_resource_not_found(iot, fleet):
    missing = {"templateName": "none"}
    for operation in (
        iot.describe_provisioning_template,
        iot.update_provisioning_template,
        iot.delete_provisioning_template,
        iot.list_provisioning_template_versions,
        iot.create_provisioning_claim,
    ):
        assert catch_error(operation, **missing) == MISSING
    assert catch_error(iot.create_provisioning_template_version, **missing, templateBody=BODY) == MISSING
    for operation in (
        iot.describe_provisioning_template_version,
        iot.delete_provisioning_template_version,
    ):
        assert catch_error(operation, **missing, versionId=1) == MISSING
        assert catch_error(operation, **NAME_PARAMS, versionId=2) == MISSING
    assert catch_error(iot.update_provisioning_template, **NAME_PARAMS, defaultVersionId=2) == MISSING


@pytest.mark.parametrize("name", REJECTED)
def test_a_body_that_cannot_provision_devices_is_rejected(iot, fleet, name):
    body = json.dumps(REJECTED[name][0])
    template = {**TEMPLATE, "templateName": "other", "templateBody": body}
    assert catch_error(iot.create_provisioning_template, **template) == INVALID
    assert catch_error(iot.create_provisioning_template_version, **NAME_PARAMS, templateBody=body) == INVALID


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_body_that_can_provision_devices_is_stored(iot, fleet, name):
    body = json.dumps(ACCEPTED[name])
    iot.create_provisioning_template_version(**NAME_PARAMS, templateBody=body, setAsDefault=True)
    assert iot.describe_provisioning_template(**NAME_PARAMS)["templateBody"] == body
