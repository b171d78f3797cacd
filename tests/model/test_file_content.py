"""A file with another content than expected is named as what it is."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from reconciler.model.file_content import (
    find_der_problem,
    recognize_bytes,
    recognize_instead_of_request,
    recognize_text,
)
from reconciler.model.pem import Pem
from tests.support.pki import Authority, make_signing_request

AUTHORITY = Authority("alpha")
PEM = AUTHORITY.pem
CERTIFICATE = x509.load_pem_x509_certificate(PEM.encode())
KEY = load_pem_private_key(AUTHORITY.key_pem.encode(), None)
REQUEST = x509.load_pem_x509_csr(make_signing_request("pump").encode())
RSA_KEY = rsa.generate_private_key(65537, 2048)
PKCS8, TRADITIONAL = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (CERTIFICATE.public_bytes(Encoding.DER), "a certificate in DER, not in PEM"),
        (REQUEST.public_bytes(Encoding.DER), "a signing request in DER, not in PEM"),
        (KEY.private_bytes(Encoding.DER, PKCS8, NoEncryption()), "a private key in DER, not in PEM"),
        (KEY.private_bytes(Encoding.DER, TRADITIONAL, NoEncryption()), "a private key in DER, not in PEM"),
        (
            RSA_KEY.private_bytes(Encoding.DER, TRADITIONAL, NoEncryption()),
            "a private key in DER, not in PEM",
        ),
        (
            serialize_key_and_certificates(b"pump", KEY, CERTIFICATE, None, NoEncryption()),
            "PKCS #12 (.p12 or .pfx), not PEM",
        ),
        (serialize_certificates([CERTIFICATE], Encoding.DER), "PKCS #7 (.p7b), not PEM"),
        ("name,site\npump,oslo\n".encode("utf-16"), "UTF-16 text, not UTF-8"),
        ("name,site\npump,oslo\n".encode("utf-16-le"), "UTF-16 text, not UTF-8"),
        ("name,site\npump,oslo\n".encode("utf-16-be"), "UTF-16 text, not UTF-8"),
        (b"PK\x03\x04\x14\x00", "a ZIP archive or an Excel workbook"),
        (b"\x1f\x8b\x08\x00", "gzip"),
    ],
    ids=lambda value: value if isinstance(value, str) else "bytes",
)
def test_a_binary_file_is_recognized(raw, name):
    assert recognize_bytes(raw).name == name


@pytest.mark.parametrize(
    "raw",
    [b"", b"name,site\n", "naïve,café\n".encode("latin-1"), b"a,b\n\0,\0\n", PEM.encode(), b"\0" * 99],
    ids=["empty", "csv", "latin", "zeros", "pem", "only-zeros"],
)
def test_other_bytes_are_not_recognized(raw):
    assert recognize_bytes(raw) is None


def make_pem(label: str) -> str:
    return PEM.replace("CERTIFICATE", label)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (AUTHORITY.key_pem, "a private key, not a certificate"),
        (make_pem("RSA PRIVATE KEY"), "a private key, not a certificate"),
        (make_pem("ENCRYPTED PRIVATE KEY"), "a private key, not a certificate"),
        (
            make_signing_request("pump"),
            "a certificate signing request, not a certificate; declare it as csr, or have a CA sign it",
        ),
        (
            make_pem("NEW CERTIFICATE REQUEST"),
            "a certificate signing request, not a certificate; declare it as csr, or have a CA sign it",
        ),
        (
            ec.generate_private_key(ec.SECP256R1())
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            .decode(),
            "a public key, not a certificate",
        ),
        (
            make_pem("PKCS7"),
            "PKCS #7 (.p7b), not PEM; take the certificates out with `openssl pkcs7 -print_certs`",
        ),
        (make_pem("TRUSTED CERTIFICATE"), "OpenSSL's trusted certificate; convert it with `openssl x509`"),
        (PEM[:200], "a truncated PEM certificate; its END line is missing"),
        (PEM.replace("M", "?"), "a damaged PEM certificate; it has characters that are not base64"),
        ("".join(PEM.splitlines()[1:-1]), "base64 without PEM's BEGIN and END lines; add them"),
        ('{"certificatePem": "…"}', "JSON, not PEM"),
        ("<!DOCTYPE html>", "HTML or XML, not PEM"),
        (" \n", "empty"),
    ],
    ids=lambda value: value if len(value) < 99 and "-----" not in value else "pem",
)
def test_a_text_without_a_certificate_is_recognized(text, problem):
    assert str(recognize_text(text)) == problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (PEM, "a certificate, not a signing request; declare it as pem"),
        (AUTHORITY.key_pem + PEM, "a certificate, not a signing request; declare it as pem"),
        (AUTHORITY.key_pem, "a private key, not a signing request"),
        ("{}", "JSON, not PEM"),
        (make_signing_request("pump")[:200], "None"),
        ("note", "None"),
    ],
    ids=["certificate", "key-and-certificate", "key", "json", "damaged-request", "text"],
)
def test_a_text_without_a_signing_request_is_recognized(text, problem):
    assert str(recognize_instead_of_request(text)) == problem


def test_an_unknown_text_is_not_recognized():
    assert recognize_text("note") is None


def test_a_certificate_in_pem_that_was_cut_is_reported_as_truncated():
    der = CERTIFICATE.public_bytes(Encoding.DER)
    assert Pem.parse(PEM).damage is None
    assert find_der_problem(der[:300]) == f"it is truncated: 300 of {len(der)} bytes"
    assert find_der_problem(der + b"\0") == "it has bytes after the end"
    assert find_der_problem(b"garbage") == "it is not DER"
