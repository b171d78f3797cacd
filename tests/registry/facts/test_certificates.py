"""Facts 1 to 11: device certificates and CA certificates."""

import base64
import hashlib
import textwrap

import pytest

from tests.support import pki
from tests.support.direct_client import catch_error, catch_error_with_members, register_ca

from .conftest import DOCUMENT, INVALID, LAG_SECONDS


def get_status(iot, device):
    description = iot.describe_certificate(certificateId=device["certificateId"])
    return description["certificateDescription"]["status"]


def test_01_the_certificate_id_is_the_sha256_of_the_der_regardless_of_whitespace(iot, ca, device_pem):
    body = "".join(device_pem.split("\n")[1:-2])
    lines = "\r\n".join(textwrap.wrap(body, 40))
    spaced = f"\n-----BEGIN CERTIFICATE-----\r\n{lines}\r\n-----END CERTIFICATE-----\n\n"
    registered = iot.register_certificate(certificatePem=spaced)

    assert registered["certificateId"] == hashlib.sha256(base64.b64decode(body)).hexdigest()


def test_02_registering_a_pem_again_raises_409_with_its_id_and_arn(iot, device, device_pem):
    members = {"resourceId": device["certificateId"], "resourceArn": device["certificateArn"]}

    assert catch_error_with_members(iot.register_certificate, certificatePem=device_pem) == (
        "ResourceAlreadyExistsException",
        409,
        members,
    )


def test_03_a_certificate_registered_without_a_status_is_inactive(iot, ca, device_pem):
    registered = iot.register_certificate(certificatePem=device_pem)

    assert get_status(iot, registered) == "INACTIVE"


def test_04_two_cas_with_one_subject_and_key_raise_conflict_without_a_ca_pem(iot, ca, authority, device_pem):
    register_ca(iot, authority.renew(), setAsActive=True)

    assert catch_error(iot.register_certificate, certificatePem=device_pem) == (
        "CertificateConflictException",
        409,
    )
    registered = iot.register_certificate(certificatePem=device_pem, caCertificatePem=authority.pem)
    assert registered["certificateId"] == hashlib.sha256(pki.to_der(device_pem)).hexdigest()


def test_05_an_inactive_ca_cannot_register_device_certificates(iot, authority, device_pem):
    register_ca(iot, authority)

    assert catch_error(iot.register_certificate, certificatePem=device_pem) == (
        "CertificateStateException",
        406,
    )


def test_06_a_verification_with_a_wrong_common_name_or_in_sni_only_mode_is_rejected(iot, authority):
    wrong_code = authority.issue("not the code")
    right_code = authority.issue(iot.get_registration_code()["registrationCode"])

    errors = (
        catch_error(
            iot.register_ca_certificate, caCertificate=authority.pem, verificationCertificate=wrong_code
        ),
        catch_error(
            iot.register_ca_certificate,
            caCertificate=authority.pem,
            verificationCertificate=right_code,
            certificateMode="SNI_ONLY",
        ),
    )
    assert errors == (("RegistrationCodeValidationException", 400), INVALID)


def test_07_the_11th_ca_with_one_subject_raises_limit_exceeded_410(iot, authority):
    latest = authority
    for _ in range(10):
        latest = latest.renew()
        iot.register_ca_certificate(caCertificate=latest.pem, certificateMode="SNI_ONLY")

    pem = latest.renew().pem
    limit_error = catch_error(iot.register_ca_certificate, caCertificate=pem, certificateMode="SNI_ONLY")
    assert limit_error == ("LimitExceededException", 410)


def test_08_a_revoked_certificate_stays_revoked(iot, device):
    identity = {"certificateId": device["certificateId"]}
    iot.update_certificate(**identity, newStatus="REVOKED")

    for status in ("ACTIVE", "INACTIVE"):
        code, http_status = catch_error(iot.update_certificate, **identity, newStatus=status)
        # UNCONFIRMED: AWS's documentation does not state which of these errors is raised.
        assert (code, http_status) in {("CertificateStateException", 406), INVALID}
    assert get_status(iot, device) == "REVOKED"


@pytest.mark.parametrize("status", ["PENDING_TRANSFER", "PENDING_ACTIVATION"])
def test_09_updating_to_a_pending_status_fails(iot, device, status):
    assert (
        catch_error(iot.update_certificate, certificateId=device["certificateId"], newStatus=status)
        == INVALID
    )
    assert get_status(iot, device) == "ACTIVE"


def test_10_deleting_an_active_certificate_or_ca_raises_certificate_state_406(iot, ca, device):
    errors = (
        catch_error(iot.delete_certificate, certificateId=device["certificateId"], forceDelete=True),
        catch_error(iot.delete_ca_certificate, certificateId=ca["certificateId"]),
    )

    assert errors == (("CertificateStateException", 406),) * 2


def test_11_force_delete_detaches_policies_but_not_things(iot, device, thing, wait):
    certificate_id, arn = device["certificateId"], device["certificateArn"]
    iot.create_policy(policyName="p", policyDocument=DOCUMENT)
    iot.attach_policy(policyName="p", target=arn)
    iot.attach_thing_principal(**thing, principal=arn)
    iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")

    error_with_thing = catch_error(iot.delete_certificate, certificateId=certificate_id, forceDelete=True)
    iot.detach_thing_principal(**thing, principal=arn)
    wait(LAG_SECONDS + 1)
    error_with_policy = catch_error(iot.delete_certificate, certificateId=certificate_id)
    iot.delete_certificate(certificateId=certificate_id, forceDelete=True)

    assert (error_with_thing, error_with_policy) == (("DeleteConflictException", 409),) * 2
    assert catch_error(iot.describe_certificate, certificateId=certificate_id) == (
        "ResourceNotFoundException",
        404,
    )
