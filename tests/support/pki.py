"""Certificate authorities, device certificates and signing requests for tests: made in milliseconds, kept in memory."""

from __future__ import annotations

import datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from reconciler.model.pem import Pem

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
DEFAULT_DAYS = 3650
NOT_BEFORE = NOW - 800 * DAY
NOT_AFTER = NOW + DEFAULT_DAYS * DAY

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Authority:
    """A CA with its key (default: a new EC key), which signs device certificates.

    `device("a")` always returns the same certificate, and `device("a", 2)` its successor; `issue("a")` returns a new one
    each time.
    """

    def __init__(self, name: str, key: PrivateKey | None = None) -> None:
        self.name = name
        self.key = key or ec_key()
        self.subject = distinguished_name(name)
        self.pem = self._sign(self.subject, self.key, ca=True)
        self.key_pem = key_pem_of(self.key)
        self.device = cache(self._device)

    def issue(self, subject: str | x509.Name, key: PrivateKey | None = None) -> str:
        """Return a new certificate for a common name or a subject, in PEM."""
        name = distinguished_name(subject) if isinstance(subject, str) else subject
        return self._sign(name, key or ec_key())

    def renewed(self) -> Authority:
        """Return another CA certificate with the same subject and key."""
        return Authority(self.name, self.key)

    def _device(self, name: str, generation: int = 1, days: int = DEFAULT_DAYS) -> str:
        return self._sign(distinguished_name(f"{name} {generation}"), ec_key(), days=days)

    def _sign(
        self, subject: x509.Name, key: PrivateKey, *, days: int = DEFAULT_DAYS, ca: bool = False
    ) -> str:
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOT_BEFORE)
            .not_valid_after(NOW + days * DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        return certificate.public_bytes(Encoding.PEM).decode()


def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def distinguished_name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def key_pem_of(key: PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def der_of(pem: str) -> bytes:
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)


def certificate_id(pem: str) -> str:
    return Pem.parse(pem).fingerprint


def signing_request(
    name: str, key: PrivateKey | None = None, digest: hashes.HashAlgorithm | None = None
) -> str:
    """Return a certificate signing request in PEM, by default for a new key and with SHA-256."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(distinguished_name(name))
    request = builder.sign(key or ec_key(), digest or hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()
