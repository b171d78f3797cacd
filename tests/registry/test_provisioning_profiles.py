"""Provisioning profiles of managed integrations."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.support.direct_client import ACCOUNT, catch_error, remove_metadata

from .test_issued_certificates import encode_public_key

ARN = f"arn:aws:iotmanagedintegrations:eu-west-1:{ACCOUNT}:provisioning-profile/"
CONFLICT = ("ConflictException", 409)
INVALID = ("ValidationException", 400)
MISSING = ("ResourceNotFoundException", 404)
FLEET = {"ProvisioningType": "FLEET_PROVISIONING"}
JITR = {"ProvisioningType": "JITR"}


def test_the_private_key_of_a_generated_claim_certificate_is_returned_once(managed):
    params = {**FLEET, "Name": "fleet", "Tags": {"line": "A"}, "ClientToken": "t1"}
    created = remove_metadata(managed.create_provisioning_profile(**params))
    repeated = remove_metadata(managed.create_provisioning_profile(**params))
    described = remove_metadata(managed.get_provisioning_profile(Identifier=created["Id"]))

    key = load_pem_private_key(created.pop("ClaimCertificatePrivateKey").encode(), None)
    certificate = x509.load_pem_x509_certificate(created["ClaimCertificate"].encode())
    assert encode_public_key(certificate.public_key()) == encode_public_key(key.public_key())
    item = {
        "Id": created["Id"],
        "Arn": ARN + created["Id"],
        "Name": "fleet",
        "ProvisioningType": "FLEET_PROVISIONING",
        "Status": "CREATED",
    }
    assert created == repeated == {**item, "ClaimCertificate": created["ClaimCertificate"]}
    assert described == {**created, "Tags": {"line": "A"}}
    assert managed.list_provisioning_profiles()["Items"] == [item]
    assert catch_error(managed.create_provisioning_profile, **FLEET, ClientToken="t1") == CONFLICT


def test_a_claim_certificate_in_the_request_is_used_and_no_key_is_generated(managed, device_pem):
    created = managed.create_provisioning_profile(**FLEET, ClaimCertificate=device_pem)

    assert (created["ClaimCertificate"], "ClaimCertificatePrivateKey" in created) == (device_pem, False)


def test_a_jitr_profile_never_returns_its_ca_certificate(managed, authority):
    created = remove_metadata(managed.create_provisioning_profile(**JITR, CaCertificate=authority.pem))

    expected = {"Id": created["Id"], "Arn": ARN + created["Id"], **JITR, "Status": "CREATED"}
    assert created == expected
    assert remove_metadata(managed.get_provisioning_profile(Identifier=created["Id"])) == expected


@pytest.mark.parametrize("params", [JITR, {**FLEET, "ClaimCertificate": "pem"}])
def test_a_missing_or_invalid_certificate_is_rejected(managed, params):
    assert catch_error(managed.create_provisioning_profile, **params) == INVALID


def test_certificates_of_the_other_provisioning_type_are_rejected(managed, authority, device_pem):
    ca = {"CaCertificate": authority.pem}

    assert catch_error(managed.create_provisioning_profile, **FLEET, **ca) == INVALID
    assert (
        catch_error(managed.create_provisioning_profile, **JITR, **ca, ClaimCertificate=device_pem) == INVALID
    )


def test_deleting_a_profile_deletes_its_tags(managed, device_pem):
    params = {**FLEET, "ClaimCertificate": device_pem, "Tags": {"a": "1"}}
    created = managed.create_provisioning_profile(**params)
    managed.delete_provisioning_profile(Identifier=created["Id"])

    for operation in (managed.get_provisioning_profile, managed.delete_provisioning_profile):
        assert catch_error(operation, Identifier=created["Id"]) == MISSING
    assert catch_error(managed.list_tags_for_resource, ResourceArn=created["Arn"]) == MISSING
