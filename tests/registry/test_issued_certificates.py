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
from tests.support.direct_client import ACCOUNT, NOON, error_of, without_metadata

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:cert/"
INVALID = ("InvalidRequestException", 400)


def request_for(common_name, key=None):
    """Make a certificate signing request."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(pki.distinguished_name(common_name))
    return builder.sign(key or pki.ec_key(), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def request_signed_with_sha1(common_name):
    """Make a request as old tools do, which the library only reads: its key signs the same content, and SHA-1 is named."""
    key = pki.ec_key()
    builder = x509.CertificateSigningRequestBuilder().subject_name(pki.distinguished_name(common_name))
    content = builder.sign(key, hashes.SHA256()).tbs_certrequest_bytes
    signature = b"\0" + key.sign(content, ec.ECDSA(hashes.SHA1()))
    ecdsa_with_sha1 = bytes.fromhex("06072a8648ce3d0401")
    whole = asn1(0x30, content + asn1(0x30, ecdsa_with_sha1) + asn1(0x03, signature))
    return x509.load_der_x509_csr(whole).public_bytes(Encoding.PEM).decode()


def asn1(tag, content):
    """Wrap content in DER's tag and length."""
    length = len(content)
    big = length.to_bytes((length.bit_length() + 7) // 8, "big")
    head = big if length < 128 else bytes([0x80 | len(big)]) + big
    return bytes([tag]) + head + content


def der(key):
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_keys_and_certificate_belong_together_and_the_certificate_is_inactive_unless_told(iot):
    made = without_metadata(iot.create_keys_and_certificate())
    active = iot.create_keys_and_certificate(setAsActive=True)

    pem, keys = made.pop("certificatePem"), made.pop("keyPair")
    certificate = x509.load_pem_x509_certificate(pem.encode())
    private = load_pem_private_key(keys["PrivateKey"].encode(), None)
    identifier = hashlib.sha256(pki.der_of(pem)).hexdigest()
    assert made == {"certificateArn": ARN + identifier, "certificateId": identifier}
    assert der(certificate.public_key()) == der(private.public_key())
    assert der(load_pem_public_key(keys["PublicKey"].encode())) == der(private.public_key())
    assert (private.key_size, certificate.subject) == (2048, pki.distinguished_name("AWS IoT Certificate"))
    described = iot.describe_certificate(certificateId=identifier)["certificateDescription"]
    described.pop("generationId")
    moment = datetime.fromtimestamp(NOON, UTC)
    assert described == {
        **made,
        "status": "INACTIVE",
        "certificatePem": pem,
        "ownedBy": ACCOUNT,
        "creationDate": moment,
        "lastModifiedDate": moment,
        "customerVersion": 1,
        "validity": {
            "notBefore": certificate.not_valid_before_utc,
            "notAfter": datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC),
        },
        "certificateMode": "DEFAULT",
    }
    listed = {one["certificateId"]: one["status"] for one in iot.list_certificates()["certificates"]}
    assert listed == {identifier: "INACTIVE", active["certificateId"]: "ACTIVE"}


@pytest.mark.parametrize("key", [pki.ec_key(), pki.rsa_key(), ec.generate_private_key(ec.SECP521R1())])
def test_a_request_gives_a_certificate_of_its_subject_and_key(iot, key):
    made = iot.create_certificate_from_csr(certificateSigningRequest=request_for("pump-7", key))

    certificate = x509.load_pem_x509_certificate(made["certificatePem"].encode())
    assert (certificate.subject, der(certificate.public_key())) == (
        pki.distinguished_name("pump-7"),
        der(key.public_key()),
    )
    described = iot.describe_certificate(certificateId=made["certificateId"])["certificateDescription"]
    assert (described["status"], described["certificatePem"]) == ("INACTIVE", made["certificatePem"])


def test_the_same_request_twice_gives_two_certificates(iot):
    request = request_for("pump-7")

    made = {
        iot.create_certificate_from_csr(certificateSigningRequest=request, setAsActive=True)["certificateId"]
        for _ in range(2)
    }

    assert {one["certificateId"] for one in iot.list_certificates()["certificates"]} == made
    assert len(made) == 2


def test_a_request_that_is_signed_with_sha_1_is_fulfilled(iot):
    made = iot.create_certificate_from_csr(certificateSigningRequest=request_signed_with_sha1("pump-7"))

    issued = x509.load_pem_x509_certificate(made["certificatePem"].encode())
    assert issued.subject == pki.distinguished_name("pump-7")


def test_a_request_whose_signature_is_not_its_keys_is_refused(iot):
    signed = x509.load_pem_x509_csr(request_for("pump-7").encode()).public_bytes(Encoding.DER)
    forged = x509.load_der_x509_csr(signed.replace(b"pump-7", b"pump-8")).public_bytes(Encoding.PEM).decode()

    assert error_of(iot.create_certificate_from_csr, certificateSigningRequest=forged) == INVALID


@pytest.mark.parametrize(
    "request_pem",
    [
        "request",
        request_for("a")[:-60],
        request_for("a", ec.generate_private_key(ec.SECP192R1())),
        request_for("a", rsa.generate_private_key(public_exponent=65537, key_size=1024)),
    ],
)
def test_what_is_no_request_or_has_a_weak_key_is_refused(iot, request_pem):
    assert error_of(iot.create_certificate_from_csr, certificateSigningRequest=request_pem) == INVALID
    assert iot.list_certificates()["certificates"] == []


def test_the_issuer_registers_nothing(iot):
    made = iot.create_keys_and_certificate()
    iot.delete_certificate(certificateId=made["certificateId"])

    code = error_of(iot.register_certificate, certificatePem=made["certificatePem"])
    assert code == ("CertificateStateException", 406)
    iot.register_certificate_without_ca(certificatePem=made["certificatePem"])
    assert iot.list_ca_certificates()["certificates"] == []
