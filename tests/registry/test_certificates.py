"""Device certificates."""

import hashlib
import uuid
from datetime import UTC, datetime

import pytest

from tests.support import pki
from tests.support.direct_client import (
    ACCOUNT,
    START_SECONDS,
    START_TIME,
    catch_error,
    register_ca,
    remove_metadata,
)

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:cert/"


def get_status(iot, certificate_id):
    return iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]["status"]


def test_the_certificate_id_is_the_sha256_of_the_der_regardless_of_whitespace(iot, ca, device_pem):
    """Tested over HTTP too, by test_01 in facts/test_certificates.py."""
    body = "".join(device_pem.splitlines()[1:-1])
    narrow = "\n".join(body[start : start + 40] for start in range(0, len(body), 40))
    spaced = f"\n\n-----BEGIN CERTIFICATE-----\r\n{narrow}\n-----END CERTIFICATE-----\n\n"
    expected = hashlib.sha256(pki.to_der(device_pem)).hexdigest()

    registered = remove_metadata(iot.register_certificate(certificatePem=spaced))

    assert registered == {"certificateId": expected, "certificateArn": ARN + expected}
    assert catch_error(iot.register_certificate, certificatePem=device_pem) == (
        "ResourceAlreadyExistsException",
        409,
    )


def test_registering_a_pem_again_raises_already_exists_with_its_id_and_arn(iot, device, device_pem):
    """Tested over HTTP too, by test_02 in facts/test_certificates.py."""
    for register in (iot.register_certificate, iot.register_certificate_without_ca):
        with pytest.raises(iot.exceptions.ResourceAlreadyExistsException) as caught:
            register(certificatePem=device_pem)
        response = remove_metadata(caught.value.response)
        assert response == {
            "Error": {
                "Code": "ResourceAlreadyExistsException",
                "Message": "The certificate is already provisioned or registered",
            },
            "message": "The certificate is already provisioned or registered",
            "resourceId": device["certificateId"],
            "resourceArn": device["certificateArn"],
        }


def test_a_certificate_registered_without_a_status_is_inactive(iot, ca, device_pem):
    """Tested over HTTP too, by test_03 in facts/test_certificates.py."""
    registered = iot.register_certificate(certificatePem=device_pem)

    assert get_status(iot, registered["certificateId"]) == "INACTIVE"


def test_the_deprecated_set_as_active_applies_only_without_a_status(iot, ca, authority):
    first = iot.register_certificate(certificatePem=authority.issue("a"), setAsActive=True)
    second = iot.register_certificate(certificatePem=authority.issue("b"), setAsActive=True, status="REVOKED")

    assert [get_status(iot, certificate["certificateId"]) for certificate in (first, second)] == [
        "ACTIVE",
        "REVOKED",
    ]


def test_two_cas_with_one_subject_and_key_raise_conflict_without_a_ca_pem(iot, ca, authority, device_pem):
    """Tested over HTTP too, by test_04 in facts/test_certificates.py."""
    renewed = authority.renew()
    second = register_ca(iot, renewed, setAsActive=True)

    assert catch_error(iot.register_certificate, certificatePem=device_pem) == (
        "CertificateConflictException",
        409,
    )

    registered = iot.register_certificate(certificatePem=device_pem, caCertificatePem=renewed.pem)
    described = iot.describe_certificate(certificateId=registered["certificateId"])["certificateDescription"]
    assert described["caCertificateId"] == second["certificateId"]


def test_a_certificate_belongs_to_the_ca_that_signed_it_among_cas_with_one_subject(iot, ca, authority):
    namesake = pki.Authority(authority.name, pki.generate_ec_key())
    second = register_ca(iot, namesake, setAsActive=True)

    registered = iot.register_certificate(certificatePem=namesake.issue("pump-8"))

    described = iot.describe_certificate(certificateId=registered["certificateId"])["certificateDescription"]
    assert described["caCertificateId"] == second["certificateId"]


@pytest.mark.parametrize("sends_ca_pem", [True, False])
def test_an_inactive_ca_cannot_register_device_certificates(iot, authority, device_pem, sends_ca_pem):
    """Without a CA PEM, tested over HTTP too, by test_05 in facts/test_certificates.py."""
    register_ca(iot, authority)
    ca_params = {"caCertificatePem": authority.pem} if sends_ca_pem else {}

    error = catch_error(iot.register_certificate, certificatePem=device_pem, **ca_params)

    assert error == ("CertificateStateException", 406)


@pytest.mark.parametrize("generate_key", [pki.generate_ec_key, pki.generate_rsa_key])
def test_the_ca_in_the_request_must_have_signed_the_certificate(iot, generate_key):
    honest = pki.Authority("CA", generate_key())
    forger = pki.Authority("CA", generate_key())
    register_ca(iot, honest, setAsActive=True)

    error = catch_error(
        iot.register_certificate, certificatePem=forger.issue("pump"), caCertificatePem=honest.pem
    )
    iot.register_certificate(certificatePem=honest.issue("pump"), caCertificatePem=honest.pem)

    assert error == ("CertificateValidationException", 400)


@pytest.mark.parametrize("sends_ca_pem", [True, False])
def test_an_unregistered_ca_cannot_register_device_certificates(iot, authority, device_pem, sends_ca_pem):
    ca_params = {"caCertificatePem": authority.pem} if sends_ca_pem else {}

    assert catch_error(iot.register_certificate, certificatePem=device_pem, **ca_params) == (
        "CertificateStateException",
        406,
    )


@pytest.mark.parametrize(
    "pem", ["pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "é\x00"]
)
def test_an_invalid_pem_is_rejected(iot, ca, pem):
    expected = ("CertificateValidationException", 400)

    assert catch_error(iot.register_certificate, certificatePem=pem) == expected
    assert catch_error(iot.register_certificate_without_ca, certificatePem=pem) == expected


def test_a_pem_with_two_certificates_is_rejected(iot, ca, authority, device_pem):
    assert catch_error(iot.register_certificate_without_ca, certificatePem=device_pem + authority.pem) == (
        "CertificateValidationException",
        400,
    )


def test_registering_without_a_ca_uses_sni_only_mode(iot, device_pem):
    registered = iot.register_certificate_without_ca(certificatePem=device_pem, status="ACTIVE")

    described = iot.describe_certificate(certificateId=registered["certificateId"])["certificateDescription"]
    generation_id = described.pop("generationId")
    assert described == {
        "certificateArn": registered["certificateArn"],
        "certificateId": registered["certificateId"],
        "status": "ACTIVE",
        "certificatePem": device_pem,
        "ownedBy": ACCOUNT,
        "creationDate": START_TIME,
        "lastModifiedDate": START_TIME,
        "customerVersion": 1,
        "transferData": {},
        "validity": {"notBefore": pki.NOT_BEFORE, "notAfter": pki.NOT_AFTER},
        "certificateMode": "SNI_ONLY",
    }
    assert str(uuid.UUID(generation_id)) == generation_id


def test_a_certificate_inherits_the_mode_of_its_ca(iot, authority, other_authority):
    register_ca(iot, authority, setAsActive=True)
    iot.register_ca_certificate(
        caCertificate=other_authority.pem, certificateMode="SNI_ONLY", setAsActive=True
    )
    first = iot.register_certificate(certificatePem=authority.issue("a"))
    second = iot.register_certificate(certificatePem=other_authority.issue("b"))

    certificates = iot.list_certificates()["certificates"]
    modes = {certificate["certificateId"]: certificate["certificateMode"] for certificate in certificates}
    assert modes == {first["certificateId"]: "DEFAULT", second["certificateId"]: "SNI_ONLY"}


def test_a_revoked_certificate_stays_revoked(iot, device):
    """Tested over HTTP too, by test_08 in facts/test_certificates.py."""
    iot.update_certificate(certificateId=device["certificateId"], newStatus="REVOKED")
    iot.update_certificate(certificateId=device["certificateId"], newStatus="REVOKED")

    for status in ("ACTIVE", "INACTIVE"):
        error = catch_error(iot.update_certificate, certificateId=device["certificateId"], newStatus=status)
        assert error == ("CertificateStateException", 406)
    assert get_status(iot, device["certificateId"]) == "REVOKED"


@pytest.mark.parametrize("status", ["PENDING_TRANSFER", "PENDING_ACTIVATION", "REGISTER_INACTIVE"])
def test_updating_to_a_status_that_users_cannot_set_fails(iot, device, status):
    """The pending statuses are tested over HTTP too, by test_09 in facts/test_certificates.py."""
    error = catch_error(iot.update_certificate, certificateId=device["certificateId"], newStatus=status)

    assert error == ("InvalidRequestException", 400)
    assert get_status(iot, device["certificateId"]) == "ACTIVE"


def test_registering_with_a_deprecated_status_fails(iot, device_pem):
    params = {"certificatePem": device_pem, "status": "REGISTER_INACTIVE"}

    assert catch_error(iot.register_certificate_without_ca, **params) == ("InvalidRequestException", 400)


def test_a_status_update_increments_the_version_and_sets_the_modification_time(iot, device, clock):
    clock.advance(10.5)
    iot.update_certificate(certificateId=device["certificateId"], newStatus="INACTIVE")

    described = iot.describe_certificate(certificateId=device["certificateId"])["certificateDescription"]

    members = {
        name: described[name] for name in ("status", "customerVersion", "creationDate", "lastModifiedDate")
    }
    assert members == {
        "status": "INACTIVE",
        "customerVersion": 2,
        "creationDate": START_TIME,
        "lastModifiedDate": datetime.fromtimestamp(START_SECONDS + 10.5, UTC),
    }


@pytest.mark.parametrize("is_forced", [True, False])
def test_deleting_an_active_certificate_raises_certificate_state(iot, device, is_forced):
    """See test_10 in facts/test_certificates.py; this test covers device certificates."""
    error = catch_error(iot.delete_certificate, certificateId=device["certificateId"], forceDelete=is_forced)

    assert error == ("CertificateStateException", 406)


@pytest.mark.parametrize("is_forced", [True, False])
def test_a_certificate_with_things_cannot_be_deleted_even_by_force(iot, device, clock, is_forced):
    """See test_11 in facts/test_certificates.py; this test covers things."""
    iot.create_thing(thingName="pump-7")
    iot.attach_thing_principal(thingName="pump-7", principal=device["certificateArn"])
    iot.update_certificate(certificateId=device["certificateId"], newStatus="INACTIVE")
    params = {"certificateId": device["certificateId"], "forceDelete": is_forced}

    assert catch_error(iot.delete_certificate, **params) == ("DeleteConflictException", 409)

    iot.detach_thing_principal(thingName="pump-7", principal=device["certificateArn"])
    assert catch_error(iot.delete_certificate, **params) == ("DeleteConflictException", 409)
    clock.advance(5)  # the detach lag
    iot.delete_certificate(**params)
    assert iot.list_certificates()["certificates"] == []


def test_a_revoked_certificate_can_be_deleted_and_registered_again(iot, ca, device_pem):
    first = iot.register_certificate(certificatePem=device_pem, status="REVOKED")
    iot.delete_certificate(certificateId=first["certificateId"])

    assert catch_error(iot.describe_certificate, certificateId=first["certificateId"]) == (
        "ResourceNotFoundException",
        404,
    )
    repeated = iot.register_certificate(certificatePem=device_pem)
    assert repeated["certificateId"] == first["certificateId"]


def test_operations_on_a_missing_certificate_raise_resource_not_found(iot):
    expected = ("ResourceNotFoundException", 404)

    assert catch_error(iot.describe_certificate, certificateId="a" * 64) == expected
    assert catch_error(iot.update_certificate, certificateId="a" * 64, newStatus="ACTIVE") == expected
    assert catch_error(iot.delete_certificate, certificateId="a" * 64) == expected


def test_certificates_are_listed_without_pem_and_newest_first_by_default(iot, ca, authority, clock):
    """See test_26 in facts/test_provisioning.py; this test covers certificates."""
    registered = []
    for number in range(3):
        clock.advance(1)
        certificate = iot.register_certificate(certificatePem=authority.issue(f"pump-{number}"))
        registered.append(
            {
                "certificateArn": certificate["certificateArn"],
                "certificateId": certificate["certificateId"],
                "status": "INACTIVE",
                "certificateMode": "DEFAULT",
                "creationDate": datetime.fromtimestamp(clock.now, UTC),
            }
        )

    assert iot.list_certificates()["certificates"] == registered[::-1]
    assert iot.list_certificates(ascendingOrder=True)["certificates"] == registered
    assert (
        iot.list_certificates_by_ca(caCertificateId=ca["certificateId"])["certificates"] == registered[::-1]
    )
    assert iot.list_certificates_by_ca(caCertificateId="a" * 64)["certificates"] == []
