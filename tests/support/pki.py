"""A certificate authority for tests: EC P-256, made in milliseconds, kept in memory."""

from __future__ import annotations

import datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from reconciler.model.pem import Pem

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


class Authority:
    """A CA with its key, and the device certificates it signs: `device("a")` is always the same one, `device("a", 2)` its
    successor."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self.name, self.key, days=3650, ca=True)
        self.pem = pem_of(self.certificate)
        self.key_pem = key_pem_of(self.key)
        self.device = cache(self._device)

    def _device(self, name: str, generation: int = 1, days: int = 3650) -> str:
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{name} {generation}")])
        return pem_of(self._sign(subject, ec.generate_private_key(ec.SECP256R1()), days=days, ca=False))

    def _sign(self, subject, key, *, days: int, ca: bool) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - 800 * DAY)
            .not_valid_after(NOW + days * DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )


def pem_of(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem_of(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def certificate_id(pem: str) -> str:
    return Pem.parse(pem).fingerprint


def signing_request(name: str) -> str:
    """A certificate signing request in PEM, for a key of its own."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject)
    key = ec.generate_private_key(ec.SECP256R1())
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
