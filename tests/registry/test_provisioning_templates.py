"""Provisioning templates, their versions, and claims."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from tests.support import pki
from tests.support.direct_client import ACCOUNT, NOON, error_of, register_ca, without_metadata

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:provisioningtemplate/"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/provision"
BODY = json.dumps({"Parameters": {}, "Resources": {}})
OTHER = json.dumps({"Resources": {"thing": {"Type": "AWS::IoT::Thing"}}})
HOOK = {"payloadVersion": "2020-04-01", "targetArn": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:check"}
MOMENT = datetime.fromtimestamp(NOON, UTC)
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)
CONFLICT = ("DeleteConflictException", 409)
GIVEN = {"templateName": "fleet", "templateBody": BODY, "provisioningRoleArn": ROLE}
NAMED = {"templateName": "fleet"}


@pytest.fixture
def fleet(iot):
    return without_metadata(iot.create_provisioning_template(**GIVEN))


def add(iot, **more):
    output = iot.create_provisioning_template_version(**NAMED, templateBody=OTHER, **more)
    return without_metadata(output)


def versions(iot):
    """Give the version ids and the default one."""
    listed = iot.list_provisioning_template_versions(**NAMED)["versions"]
    return [one["versionId"] for one in listed], [
        one["versionId"] for one in listed if one["isDefaultVersion"]
    ]


def test_a_template_is_described_as_it_was_created(iot):
    tags = [{"Key": "line", "Value": "A"}]
    more = {"description": "all pumps", "enabled": True, "preProvisioningHook": HOOK, "tags": tags}
    created = without_metadata(iot.create_provisioning_template(**GIVEN, **more))

    item = {
        "templateArn": ARN + "fleet",
        "templateName": "fleet",
        "description": "all pumps",
        "creationDate": MOMENT,
        "lastModifiedDate": MOMENT,
        "enabled": True,
        "type": "FLEET_PROVISIONING",
    }
    assert created == {"templateArn": ARN + "fleet", "templateName": "fleet", "defaultVersionId": 1}
    assert without_metadata(iot.describe_provisioning_template(**NAMED)) == {
        **item,
        "defaultVersionId": 1,
        "templateBody": BODY,
        "provisioningRoleArn": ROLE,
        "preProvisioningHook": HOOK,
    }
    assert iot.list_provisioning_templates()["templates"] == [item]
    assert iot.list_tags_for_resource(resourceArn=ARN + "fleet")["tags"] == tags


def test_a_repeated_creation_raises_409(iot, fleet):
    assert error_of(iot.create_provisioning_template, **GIVEN) == ("ResourceAlreadyExistsException", 409)


def test_an_update_changes_what_is_given_and_never_the_type(iot, fleet, clock):
    clock.advance(10)
    add(iot)
    iot.update_provisioning_template(
        **NAMED, enabled=True, description="new", defaultVersionId=2, preProvisioningHook=HOOK
    )
    first = without_metadata(iot.describe_provisioning_template(**NAMED))
    iot.update_provisioning_template(**NAMED, removePreProvisioningHook=True)
    second = without_metadata(iot.describe_provisioning_template(**NAMED))

    assert first == {
        **fleet,
        "description": "new",
        "creationDate": MOMENT,
        "lastModifiedDate": MOMENT + timedelta(seconds=10),
        "defaultVersionId": 2,
        "templateBody": OTHER,
        "enabled": True,
        "provisioningRoleArn": ROLE,
        "preProvisioningHook": HOOK,
        "type": "FLEET_PROVISIONING",
    }
    first.pop("preProvisioningHook")
    assert second == first
    both = {"preProvisioningHook": HOOK, "removePreProvisioningHook": True}
    assert error_of(iot.update_provisioning_template, **NAMED, **both) == INVALID


def test_only_a_fleets_template_has_a_hook(iot):
    jitp = {**GIVEN, "type": "JITP"}
    assert error_of(iot.create_provisioning_template, **jitp, preProvisioningHook=HOOK) == INVALID
    iot.create_provisioning_template(**jitp)

    assert error_of(iot.update_provisioning_template, **NAMED, preProvisioningHook=HOOK) == INVALID
    assert iot.describe_provisioning_template(**NAMED)["type"] == "JITP"


def test_versions_are_added_described_and_made_the_default(iot, fleet):
    assert add(iot) == {
        "templateArn": ARN + "fleet",
        "templateName": "fleet",
        "versionId": 2,
        "isDefaultVersion": False,
    }
    assert add(iot, setAsDefault=True)["isDefaultVersion"]
    assert versions(iot) == ([1, 2, 3], [3])
    described = iot.describe_provisioning_template_version(**NAMED, versionId=2)
    assert without_metadata(described) == {
        "versionId": 2,
        "creationDate": MOMENT,
        "templateBody": OTHER,
        "isDefaultVersion": False,
    }


def test_there_are_at_most_five_versions_and_no_id_is_used_twice(iot, fleet):
    for _ in range(4):
        add(iot)
    more = {**NAMED, "templateBody": OTHER}
    expected = ("VersionsLimitExceededException", 409)
    assert error_of(iot.create_provisioning_template_version, **more) == expected
    assert error_of(iot.delete_provisioning_template_version, **NAMED, versionId=1) == CONFLICT
    iot.delete_provisioning_template_version(**NAMED, versionId=5)
    add(iot)

    assert versions(iot) == ([1, 2, 3, 4, 6], [1])


@pytest.mark.parametrize("body", ["", "{", "[]", "[" * 5000])
def test_a_body_that_is_no_json_object_is_refused(iot, fleet, body):
    other = {**GIVEN, "templateName": "other", "templateBody": body}
    assert error_of(iot.create_provisioning_template, **other) == INVALID
    assert error_of(iot.create_provisioning_template_version, **NAMED, templateBody=body) == INVALID


def test_a_template_goes_with_its_versions_and_tags(iot, fleet):
    add(iot)
    iot.tag_resource(resourceArn=ARN + "fleet", tags=[{"Key": "line", "Value": "A"}])
    iot.delete_provisioning_template(**NAMED)
    missing = error_of(iot.describe_provisioning_template, **NAMED)
    iot.create_provisioning_template(**GIVEN)

    assert (missing, versions(iot)) == (MISSING, ([1], [1]))
    assert iot.list_tags_for_resource(resourceArn=ARN + "fleet")["tags"] == []


def test_a_ca_names_a_jitp_template_that_exists_and_keeps_it_from_deletion(iot, fleet, authority):
    iot.create_provisioning_template(**{**GIVEN, "templateName": "jitp", "type": "JITP"})
    for name, code in (("none", MISSING), ("fleet", INVALID)):
        params = {"caCertificate": authority.pem, "certificateMode": "SNI_ONLY"}
        named = {"registrationConfig": {"templateName": name}}
        assert error_of(iot.register_ca_certificate, **params, **named) == code
    registered = register_ca(iot, authority, registrationConfig={"templateName": "jitp"})

    listed = iot.list_ca_certificates(templateName="jitp")["certificates"]
    assert [one["certificateId"] for one in listed] == [registered["certificateId"]]
    assert error_of(iot.delete_provisioning_template, templateName="jitp") == CONFLICT
    iot.delete_ca_certificate(certificateId=registered["certificateId"])
    iot.delete_provisioning_template(templateName="jitp")


def test_a_claim_is_a_certificate_of_five_minutes_that_is_not_kept(iot, fleet):
    assert error_of(iot.create_provisioning_claim, **NAMED) == INVALID
    iot.update_provisioning_template(**NAMED, enabled=True)
    claim = iot.create_provisioning_claim(**NAMED)

    certificate = x509.load_pem_x509_certificate(claim["certificatePem"].encode())
    assert claim["certificateId"] == hashlib.sha256(pki.der_of(claim["certificatePem"])).hexdigest()
    assert claim["expiration"] == certificate.not_valid_after_utc == MOMENT + timedelta(minutes=5)
    assert iot.list_certificates()["certificates"] == []


def test_there_are_at_most_256_templates(iot):
    for number in range(256):
        iot.create_provisioning_template(**{**GIVEN, "templateName": f"t{number}"})

    assert error_of(iot.create_provisioning_template, **GIVEN) == ("LimitExceededException", 410)


def test_what_is_missing_is_not_found(iot, fleet):
    none = {"templateName": "none"}
    for operation in (
        iot.describe_provisioning_template,
        iot.update_provisioning_template,
        iot.delete_provisioning_template,
        iot.list_provisioning_template_versions,
        iot.create_provisioning_claim,
    ):
        assert error_of(operation, **none) == MISSING
    assert error_of(iot.create_provisioning_template_version, **none, templateBody=BODY) == MISSING
    for operation in (
        iot.describe_provisioning_template_version,
        iot.delete_provisioning_template_version,
    ):
        assert error_of(operation, **none, versionId=1) == MISSING
        assert error_of(operation, **NAMED, versionId=2) == MISSING
    assert error_of(iot.update_provisioning_template, **NAMED, defaultVersionId=2) == MISSING
