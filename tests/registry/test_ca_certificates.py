"""CA certificates and the registration code."""

import hashlib
import re
import uuid
from datetime import UTC, datetime

import pytest

from tests.support import pki
from tests.support.direct_client import (
    ACCOUNT,
    NOON,
    REGION,
    create_client,
    error_of,
    register_ca,
    without_metadata,
)

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:cacert/"
ROLE = "arn:aws:iam::123456789012:role/provisioning"


def described(iot, certificate_id):
    return iot.describe_ca_certificate(certificateId=certificate_id)["certificateDescription"]


def test_a_ca_registers_inactive_under_the_sha256_of_its_der(iot, authority):
    expected = hashlib.sha256(pki.der_of(authority.pem)).hexdigest()

    registered = without_metadata(register_ca(iot, authority))

    assert registered == {"certificateId": expected, "certificateArn": ARN + expected}
    description = described(iot, expected)
    generation = description.pop("generationId")
    moment = datetime.fromtimestamp(NOON, UTC)
    assert description == {
        "certificateArn": ARN + expected,
        "certificateId": expected,
        "status": "INACTIVE",
        "certificatePem": authority.pem,
        "ownedBy": ACCOUNT,
        "creationDate": moment,
        "autoRegistrationStatus": "DISABLE",
        "lastModifiedDate": moment,
        "customerVersion": 1,
        "validity": {"notBefore": pki.NOT_BEFORE, "notAfter": pki.NOT_AFTER},
        "certificateMode": "DEFAULT",
    }
    assert str(uuid.UUID(generation)) == generation


def test_registration_takes_status_auto_registration_config_and_tags(iot, authority):
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


def test_default_registration_with_a_wrong_cn_raises_registration_code_validation(iot, authority):
    """Behaviour 6, first half."""
    params = {"caCertificate": authority.pem, "verificationCertificate": authority.issue("0" * 64)}

    assert error_of(iot.register_ca_certificate, **params) == ("RegistrationCodeValidationException", 400)
    iot.get_registration_code()
    assert error_of(iot.register_ca_certificate, **params) == ("RegistrationCodeValidationException", 400)


def test_sni_only_registration_with_a_verification_certificate_is_refused(iot, authority):
    """Behaviour 6, second half."""
    code = iot.get_registration_code()["registrationCode"]
    refused = error_of(
        iot.register_ca_certificate,
        caCertificate=authority.pem,
        verificationCertificate=authority.issue(code),
        certificateMode="SNI_ONLY",
    )
    registered = iot.register_ca_certificate(caCertificate=authority.pem, certificateMode="SNI_ONLY")

    assert refused == ("InvalidRequestException", 400)
    assert described(iot, registered["certificateId"])["certificateMode"] == "SNI_ONLY"


def test_default_registration_needs_a_verification_certificate(iot, authority):
    code = error_of(iot.register_ca_certificate, caCertificate=authority.pem)

    assert code == ("InvalidRequestException", 400)


def test_the_verification_certificate_must_be_signed_by_the_ca(iot, authority, other_authority):
    code = iot.get_registration_code()["registrationCode"]

    refused = error_of(
        iot.register_ca_certificate,
        caCertificate=authority.pem,
        verificationCertificate=other_authority.issue(code),
    )

    assert refused == ("CertificateValidationException", 400)


def test_a_certificate_that_may_not_sign_is_no_ca(iot, authority):
    refused = error_of(
        iot.register_ca_certificate, caCertificate=authority.issue("pump"), certificateMode="SNI_ONLY"
    )

    assert refused == ("CertificateValidationException", 400)


def test_registering_a_known_ca_raises_already_exists_carrying_id_and_arn(iot, ca, authority):
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException) as caught:
        register_ca(iot, authority)

    carried = {name: caught.value.response[name] for name in ("resourceId", "resourceArn")}
    assert carried == {"resourceId": ca["certificateId"], "resourceArn": ca["certificateArn"]}


def test_the_eleventh_ca_of_one_subject_raises_limit_exceeded(iot, authority):
    """Behaviour 7."""
    renewed = authority
    for _ in range(10):
        renewed = renewed.renewed()
        iot.register_ca_certificate(caCertificate=renewed.pem, certificateMode="SNI_ONLY")

    refused = error_of(
        iot.register_ca_certificate, caCertificate=renewed.renewed().pem, certificateMode="SNI_ONLY"
    )

    assert refused == ("LimitExceededException", 410)


def test_a_default_ca_belongs_to_one_account_per_region(iot, current_registry, authority, ca):
    neighbour = create_client("iot", current_registry.get, account="999999999999")
    elsewhere = create_client("iot", current_registry.get, account="999999999999", region="us-east-1")

    with pytest.raises(neighbour.exceptions.ResourceAlreadyExistsException):
        register_ca(neighbour, authority)
    register_ca(elsewhere, authority)
    neighbour.register_ca_certificate(caCertificate=authority.pem, certificateMode="SNI_ONLY")

    assert described(neighbour, ca["certificateId"])["ownedBy"] == "999999999999"


def test_an_update_changes_what_is_given_and_nothing_else(iot, ca, clock):
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
    seen = {name: description[name] for name in ("status", "autoRegistrationStatus", "customerVersion")}
    assert seen == {"status": "INACTIVE", "autoRegistrationStatus": "ENABLE", "customerVersion": 3}
    assert description["lastModifiedDate"] == datetime.fromtimestamp(NOON + 1, UTC)


def test_auto_registration_can_be_removed(iot, ca):
    iot.update_ca_certificate(
        certificateId=ca["certificateId"],
        newAutoRegistrationStatus="ENABLE",
        registrationConfig={"templateBody": "{}", "roleArn": ROLE},
    )
    iot.update_ca_certificate(certificateId=ca["certificateId"], removeAutoRegistration=True)

    output = iot.describe_ca_certificate(certificateId=ca["certificateId"])

    assert "registrationConfig" not in output
    assert output["certificateDescription"]["autoRegistrationStatus"] == "DISABLE"


def test_a_provisioning_template_that_does_not_exist_cannot_be_named(iot, ca):
    config = {"templateName": "pump", "roleArn": ROLE}

    code = error_of(iot.update_ca_certificate, certificateId=ca["certificateId"], registrationConfig=config)

    assert code == ("ResourceNotFoundException", 404)


def test_deleting_an_active_ca_raises_certificate_state(iot, ca):
    """Behaviour 10, CA certificates."""
    assert error_of(iot.delete_ca_certificate, certificateId=ca["certificateId"]) == (
        "CertificateStateException",
        406,
    )


def test_deleting_an_inactive_ca_leaves_the_certificates_that_it_signed_and_forgets_its_tags(
    iot, ca, device, authority
):
    iot.tag_resource(resourceArn=ca["certificateArn"], tags=[{"Key": "line", "Value": "A"}])
    iot.update_ca_certificate(certificateId=ca["certificateId"], newStatus="INACTIVE")
    iot.delete_ca_certificate(certificateId=ca["certificateId"])

    left = iot.describe_certificate(certificateId=device["certificateId"])["certificateDescription"]
    register_ca(iot, authority)

    assert (left["status"], left["caCertificateId"]) == ("ACTIVE", ca["certificateId"])
    assert iot.list_tags_for_resource(resourceArn=ca["certificateArn"])["tags"] == []


def test_what_is_missing_is_not_found(iot):
    expected = ("ResourceNotFoundException", 404)

    assert error_of(iot.describe_ca_certificate, certificateId="a" * 64) == expected
    assert error_of(iot.update_ca_certificate, certificateId="a" * 64, newStatus="ACTIVE") == expected
    assert error_of(iot.delete_ca_certificate, certificateId="a" * 64) == expected


def test_cas_are_listed_by_age(iot, authority, other_authority, clock):
    first = register_ca(iot, authority)
    clock.advance(1)
    second = register_ca(iot, other_authority, setAsActive=True)
    items = [
        {
            "certificateArn": one["certificateArn"],
            "certificateId": one["certificateId"],
            "status": status,
            "creationDate": datetime.fromtimestamp(moment, UTC),
        }
        for one, status, moment in ((first, "INACTIVE", NOON), (second, "ACTIVE", NOON + 1))
    ]

    assert iot.list_ca_certificates()["certificates"] == items[::-1]
    assert iot.list_ca_certificates(ascendingOrder=True)["certificates"] == items
    assert iot.list_ca_certificates(templateName="pump")["certificates"] == []


def test_the_registration_code_is_64_hex_digits_and_stays_until_it_is_deleted(iot, current_registry):
    first = iot.get_registration_code()["registrationCode"]
    again = iot.get_registration_code()["registrationCode"]
    elsewhere = create_client("iot", current_registry.get, region="us-east-1").get_registration_code()[
        "registrationCode"
    ]
    iot.delete_registration_code()
    second = iot.get_registration_code()["registrationCode"]

    assert re.fullmatch("[0-9a-f]{64}", first)
    assert first == again
    assert len({first, second, elsewhere}) == 3


def test_a_registration_code_that_does_not_exist_cannot_be_deleted(iot):
    assert error_of(iot.delete_registration_code) == ("ResourceNotFoundException", 404)


def test_the_endpoints_are_plausible_and_stable(iot):
    typed = iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]

    assert re.fullmatch(rf"a[0-9a-f]{{13}}-ats\.iot\.{REGION}\.amazonaws\.com", typed)
    assert iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"] == typed
    assert error_of(iot.describe_endpoint, endpointType="iot:Nothing") == ("InvalidRequestException", 400)
