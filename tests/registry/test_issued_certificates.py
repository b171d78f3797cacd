"""Certificates that AWS issues."""

import hashlib
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from tests.support import pki
from tests.support.direct_client import ACCOUNT, START_TIME, catch_error, remove_metadata

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:cert/"
INVALID = ("InvalidRequestException", 400)


def create_csr_signed_with_sha1(common_name):
    """Return a signing request as old tools create it.

    The library `cryptography` reads such a request but does not create it, so its content is signed here.
    """
    key = pki.generate_ec_key()
    content = x509.load_pem_x509_csr(
        pki.make_signing_request(common_name, key).encode()
    ).tbs_certrequest_bytes
    # The first byte of a bit string is the number of its unused bits.
    signature = b"\0" + key.sign(content, ec.ECDSA(hashes.SHA1()))
    ecdsa_with_sha1 = bytes.fromhex("06072a8648ce3d0401")
    sequence_tag, bit_string_tag = 0x30, 0x03
    algorithm = encode_der(sequence_tag, ecdsa_with_sha1)
    request_der = encode_der(sequence_tag, content + algorithm + encode_der(bit_string_tag, signature))
    return x509.load_der_x509_csr(request_der).public_bytes(Encoding.PEM).decode()


def encode_der(tag, content):
    """Encode a DER value: tag, length, content."""
    length = len(content)
    length_bytes = length.to_bytes((length.bit_length() + 7) // 8, "big")
    length_field = length_bytes if length < 128 else bytes([0x80 | len(length_bytes)]) + length_bytes
    return bytes([tag]) + length_field + content


def encode_public_key(key):
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_created_keys_match_the_certificate_which_is_inactive_by_default(iot):
    created = remove_metadata(iot.create_keys_and_certificate())
    active = iot.create_keys_and_certificate(setAsActive=True)

    pem, keys = created.pop("certificatePem"), created.pop("keyPair")
    certificate = x509.load_pem_x509_certificate(pem.encode())
    private = load_pem_private_key(keys["PrivateKey"].encode(), None)
    certificate_id = hashlib.sha256(pki.to_der(pem)).hexdigest()
    assert created == {"certificateArn": ARN + certificate_id, "certificateId": certificate_id}
    assert encode_public_key(certificate.public_key()) == encode_public_key(private.public_key())
    assert encode_public_key(load_pem_public_key(keys["PublicKey"].encode())) == encode_public_key(
        private.public_key()
    )
    assert (private.key_size, certificate.subject) == (
        2048,
        pki.make_distinguished_name("AWS IoT Certificate"),
    )
    described = iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]
    described.pop("generationId")
    assert described == {
        **created,
        "status": "INACTIVE",
        "certificatePem": pem,
        "ownedBy": ACCOUNT,
        "creationDate": START_TIME,
        "lastModifiedDate": START_TIME,
        "customerVersion": 1,
        "transferData": {},
        "validity": {
            "notBefore": certificate.not_valid_before_utc,
            "notAfter": datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC),
        },
        "certificateMode": "DEFAULT",
    }
    statuses = {item["certificateId"]: item["status"] for item in iot.list_certificates()["certificates"]}
    assert statuses == {certificate_id: "INACTIVE", active["certificateId"]: "ACTIVE"}


@pytest.mark.parametrize(
    "key", [pki.generate_ec_key(), pki.generate_rsa_key(), ec.generate_private_key(ec.SECP521R1())]
)
def test_a_csr_gets_a_certificate_with_its_subject_and_key(iot, key):
    created = iot.create_certificate_from_csr(
        certificateSigningRequest=pki.make_signing_request("pump-7", key)
    )

    certificate = x509.load_pem_x509_certificate(created["certificatePem"].encode())
    assert (certificate.subject, encode_public_key(certificate.public_key())) == (
        pki.make_distinguished_name("pump-7"),
        encode_public_key(key.public_key()),
    )
    described = iot.describe_certificate(certificateId=created["certificateId"])["certificateDescription"]
    assert (described["status"], described["certificatePem"]) == ("INACTIVE", created["certificatePem"])


def test_the_same_csr_twice_gets_two_certificates(iot):
    csr = pki.make_signing_request("pump-7")

    created_ids = {
        iot.create_certificate_from_csr(certificateSigningRequest=csr, setAsActive=True)["certificateId"]
        for _ in range(2)
    }

    assert {
        certificate["certificateId"] for certificate in iot.list_certificates()["certificates"]
    } == created_ids
    assert len(created_ids) == 2


def test_a_csr_that_is_signed_with_sha1_gets_a_certificate(iot):
    created = iot.create_certificate_from_csr(certificateSigningRequest=create_csr_signed_with_sha1("pump-7"))

    issued = x509.load_pem_x509_certificate(created["certificatePem"].encode())
    assert issued.subject == pki.make_distinguished_name("pump-7")


def test_a_csr_with_an_invalid_signature_is_rejected(iot):
    signed = x509.load_pem_x509_csr(pki.make_signing_request("pump-7").encode()).public_bytes(Encoding.DER)
    forged = x509.load_der_x509_csr(signed.replace(b"pump-7", b"pump-8")).public_bytes(Encoding.PEM).decode()

    assert catch_error(iot.create_certificate_from_csr, certificateSigningRequest=forged) == INVALID


@pytest.mark.parametrize(
    "csr",
    [
        "request",
        pki.make_signing_request("a")[:-60],
        pki.make_signing_request("a", ec.generate_private_key(ec.SECP192R1())),
        pki.make_signing_request("a", rsa.generate_private_key(public_exponent=65537, key_size=1024)),
    ],
    ids=["no PEM", "cut short", "curve of 192 bits", "RSA of 1024 bits"],
)
def test_an_invalid_csr_and_one_with_a_weak_key_are_rejected(iot, csr):
    assert catch_error(iot.create_certificate_from_csr, certificateSigningRequest=csr) == INVALID
    assert iot.list_certificates()["certificates"] == []


def test_an_issued_certificate_can_be_registered_again_only_without_a_ca(iot):
    created = iot.create_keys_and_certificate()
    iot.delete_certificate(certificateId=created["certificateId"])

    error = catch_error(iot.register_certificate, certificatePem=created["certificatePem"])
    assert error == ("CertificateStateException", 406)
    iot.register_certificate_without_ca(certificatePem=created["certificatePem"])
    assert iot.list_ca_certificates()["certificates"] == []
