"""CA certificates and the registration code."""

import hashlib
import re
import uuid
from datetime import UTC, datetime

import pytest

from tests.support import pki
from tests.support.direct_client import (
    ACCOUNT,
    START_SECONDS,
    START_TIME,
    catch_error,
    create_client,
    register_ca,
    remove_metadata,
)

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:cacert/"
ROLE = "arn:aws:iam::123456789012:role/provisioning"


def describe_ca(iot, certificate_id):
    return iot.describe_ca_certificate(certificateId=certificate_id)["certificateDescription"]


def test_a_new_ca_is_inactive_and_its_id_is_the_sha256_of_its_der(iot, authority):
    certificate_id = hashlib.sha256(pki.to_der(authority.pem)).hexdigest()

    registered = remove_metadata(register_ca(iot, authority))

    assert registered == {"certificateId": certificate_id, "certificateArn": ARN + certificate_id}
    description = describe_ca(iot, certificate_id)
    generation_id = description.pop("generationId")
    assert description == {
        "certificateArn": ARN + certificate_id,
        "certificateId": certificate_id,
        "status": "INACTIVE",
        "certificatePem": authority.pem,
        "ownedBy": ACCOUNT,
        "creationDate": START_TIME,
        "autoRegistrationStatus": "DISABLE",
        "lastModifiedDate": START_TIME,
        "customerVersion": 1,
        "validity": {"notBefore": pki.NOT_BEFORE, "notAfter": pki.NOT_AFTER},
        "certificateMode": "DEFAULT",
    }
    assert str(uuid.UUID(generation_id)) == generation_id


def test_registration_sets_the_status_the_tags_and_auto_registration_with_its_config(iot, authority):
    config = {"templateBody": "{}", "roleArn": ROLE}
    registered = register_ca(
        iot,
        authority,
        setAsActive=True,
        allowAutoRegistration=True,
        registrationConfig=config,
        tags=[{"Key": "line", "Value": "A"}, {"Key": "empty"}],
    )

    output = iot.describe_ca_certificate(certificateId=registered["certificateId"])
    tags = iot.list_tags_for_resource(resourceArn=registered["certificateArn"])["tags"]

    assert output["certificateDescription"]["status"] == "ACTIVE"
    assert output["certificateDescription"]["autoRegistrationStatus"] == "ENABLE"
    assert output["registrationConfig"] == config
    assert tags == [{"Key": "empty", "Value": ""}, {"Key": "line", "Value": "A"}]


def test_a_wrong_common_name_raises_registration_code_validation(iot, authority):
    """See test_06 in facts/test_certificates.py; this test covers a wrong common name."""
    params = {"caCertificate": authority.pem, "verificationCertificate": authority.issue("0" * 64)}
    error_without_code = catch_error(iot.register_ca_certificate, **params)
    iot.get_registration_code()
    error_with_code = catch_error(iot.register_ca_certificate, **params)

    assert (error_without_code, error_with_code) == (("RegistrationCodeValidationException", 400),) * 2


def test_sni_only_registration_rejects_a_verification_certificate(iot, authority):
    """See test_06 in facts/test_certificates.py; this test covers SNI-only registration."""
    code = iot.get_registration_code()["registrationCode"]
    error = catch_error(
        iot.register_ca_certificate,
        caCertificate=authority.pem,
        verificationCertificate=authority.issue(code),
        certificateMode="SNI_ONLY",
    )
    registered = iot.register_ca_certificate(caCertificate=authority.pem, certificateMode="SNI_ONLY")

    assert error == ("InvalidRequestException", 400)
    assert describe_ca(iot, registered["certificateId"])["certificateMode"] == "SNI_ONLY"


def test_default_registration_requires_a_verification_certificate(iot, authority):
    error = catch_error(iot.register_ca_certificate, caCertificate=authority.pem)

    assert error == ("InvalidRequestException", 400)


def test_the_verification_certificate_must_be_signed_by_the_ca(iot, authority, other_authority):
    code = iot.get_registration_code()["registrationCode"]

    error = catch_error(
        iot.register_ca_certificate,
        caCertificate=authority.pem,
        verificationCertificate=other_authority.issue(code),
    )

    assert error == ("CertificateValidationException", 400)


def test_a_certificate_without_ca_basic_constraints_is_rejected(iot, authority):
    error = catch_error(
        iot.register_ca_certificate, caCertificate=authority.issue("pump"), certificateMode="SNI_ONLY"
    )

    assert error == ("CertificateValidationException", 400)


def test_registering_a_ca_again_raises_already_exists_with_its_id_and_arn(iot, ca, authority):
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException) as caught:
        register_ca(iot, authority)

    members = {name: caught.value.response[name] for name in ("resourceId", "resourceArn")}
    assert members == {"resourceId": ca["certificateId"], "resourceArn": ca["certificateArn"]}


def test_the_11th_ca_with_one_subject_raises_limit_exceeded(iot, authority):
    """Tested over HTTP too, by test_07 in facts/test_certificates.py."""
    latest = authority
    for _ in range(10):
        latest = latest.renew()
        iot.register_ca_certificate(caCertificate=latest.pem, certificateMode="SNI_ONLY")

    error = catch_error(
        iot.register_ca_certificate, caCertificate=latest.renew().pem, certificateMode="SNI_ONLY"
    )

    assert error == ("LimitExceededException", 410)


def test_a_ca_in_default_mode_belongs_to_one_account_per_region(iot, current_registry, authority, ca):
    other_account = create_client("iot", current_registry.get, account="999999999999")
    other_region = create_client("iot", current_registry.get, account="999999999999", region="us-east-1")

    with pytest.raises(other_account.exceptions.InvalidRequestException):
        register_ca(other_account, authority)
    register_ca(other_region, authority)
    other_account.register_ca_certificate(caCertificate=authority.pem, certificateMode="SNI_ONLY")

    assert describe_ca(other_account, ca["certificateId"])["ownedBy"] == "999999999999"


def test_an_update_changes_only_the_members_in_its_request(iot, ca, clock):
    clock.advance(1)
    iot.update_ca_certificate(
        certificateId=ca["certificateId"],
        newAutoRegistrationStatus="ENABLE",
        registrationConfig={"templateBody": "{}", "roleArn": ROLE},
    )
    iot.update_ca_certificate(certificateId=ca["certificateId"], newStatus="INACTIVE")

    output = iot.describe_ca_certificate(certificateId=ca["certificateId"])
    description = output["certificateDescription"]

    assert output["registrationConfig"] == {"templateBody": "{}", "roleArn": ROLE}
    members = {name: description[name] for name in ("status", "autoRegistrationStatus", "customerVersion")}
    assert members == {"status": "INACTIVE", "autoRegistrationStatus": "ENABLE", "customerVersion": 3}
    assert description["lastModifiedDate"] == datetime.fromtimestamp(START_SECONDS + 1, UTC)


def test_removing_auto_registration_deletes_the_registration_config(iot, ca):
    iot.update_ca_certificate(
        certificateId=ca["certificateId"],
        newAutoRegistrationStatus="ENABLE",
        registrationConfig={"templateBody": "{}", "roleArn": ROLE},
    )
    iot.update_ca_certificate(certificateId=ca["certificateId"], removeAutoRegistration=True)

    output = iot.describe_ca_certificate(certificateId=ca["certificateId"])

    assert "registrationConfig" not in output
    assert output["certificateDescription"]["autoRegistrationStatus"] == "DISABLE"


def test_a_registration_config_with_an_unknown_template_is_rejected(iot, ca):
    config = {"templateName": "pump", "roleArn": ROLE}

    error = catch_error(
        iot.update_ca_certificate, certificateId=ca["certificateId"], registrationConfig=config
    )

    assert error == ("ResourceNotFoundException", 404)


def test_deleting_an_active_ca_raises_certificate_state(iot, ca):
    """See test_10 in facts/test_certificates.py; this test covers CA certificates."""
    assert catch_error(iot.delete_ca_certificate, certificateId=ca["certificateId"]) == (
        "CertificateStateException",
        406,
    )


def test_deleting_a_ca_keeps_its_device_certificates_and_deletes_its_tags(iot, ca, device, authority):
    iot.tag_resource(resourceArn=ca["certificateArn"], tags=[{"Key": "line", "Value": "A"}])
    iot.update_ca_certificate(certificateId=ca["certificateId"], newStatus="INACTIVE")
    iot.delete_ca_certificate(certificateId=ca["certificateId"])

    certificate = iot.describe_certificate(certificateId=device["certificateId"])["certificateDescription"]
    register_ca(iot, authority)

    assert (certificate["status"], certificate["caCertificateId"]) == ("ACTIVE", ca["certificateId"])
    assert iot.list_tags_for_resource(resourceArn=ca["certificateArn"])["tags"] == []


def test_operations_on_a_missing_ca_raise_resource_not_found(iot):
    expected = ("ResourceNotFoundException", 404)

    assert catch_error(iot.describe_ca_certificate, certificateId="a" * 64) == expected
    assert catch_error(iot.update_ca_certificate, certificateId="a" * 64, newStatus="ACTIVE") == expected
    assert catch_error(iot.delete_ca_certificate, certificateId="a" * 64) == expected


def test_cas_are_listed_newest_first_by_default_and_filtered_by_template(
    iot, authority, other_authority, clock
):
    first = register_ca(iot, authority)
    clock.advance(1)
    second = register_ca(iot, other_authority, setAsActive=True)
    items = [
        {
            "certificateArn": registered["certificateArn"],
            "certificateId": registered["certificateId"],
            "status": status,
            "creationDate": datetime.fromtimestamp(created_at, UTC),
        }
        for registered, status, created_at in (
            (first, "INACTIVE", START_SECONDS),
            (second, "ACTIVE", START_SECONDS + 1),
        )
    ]

    assert iot.list_ca_certificates()["certificates"] == items[::-1]
    assert iot.list_ca_certificates(ascendingOrder=True)["certificates"] == items
    assert iot.list_ca_certificates(templateName="pump")["certificates"] == []


def test_a_registration_code_has_64_hex_digits_belongs_to_a_region_and_stays_until_deleted(
    iot, current_registry
):
    first = iot.get_registration_code()["registrationCode"]
    repeated = iot.get_registration_code()["registrationCode"]
    other_region = create_client("iot", current_registry.get, region="us-east-1")
    other_code = other_region.get_registration_code()["registrationCode"]
    iot.delete_registration_code()
    second = iot.get_registration_code()["registrationCode"]

    assert re.fullmatch("[0-9a-f]{64}", first)
    assert first == repeated
    assert len({first, second, other_code}) == 3


def test_deleting_a_missing_registration_code_raises_resource_not_found(iot):
    assert catch_error(iot.delete_registration_code) == ("ResourceNotFoundException", 404)
