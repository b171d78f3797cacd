"""Certificate authorities, device certificates and signing requests for tests.

`Authority.get_device_pem` derives keys, and certificates of the default validity, from the CA, the method's arguments and the
current year, so that property tests see the same certificate IDs in every run.
"""

from __future__ import annotations

import datetime
import hashlib
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from reconciler.model.pem import Pem

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
DEFAULT_DAYS = 3650
"""How many days after the start of this year a certificate expires by default."""
AGE_DAYS = 800
"""How many days a certificate is backdated.

The days are counted back from the start of this year, or from now if the certificate expires earlier than by default.
"""
YEAR_START = NOW.replace(month=1, day=1, hour=0, minute=0, second=0)
NOT_BEFORE = YEAR_START - AGE_DAYS * DAY
NOT_AFTER = YEAR_START + DEFAULT_DAYS * DAY

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Authority:
    """A CA with its key (by default an EC key derived from the name), which signs device certificates.

    `get_device_pem("a")` always returns the same certificate, and `get_device_pem("a", 2)` the certificate that replaces it.
    `issue("a")` returns a new certificate each time.
    """

    def __init__(self, name: str, key: PrivateKey | None = None, generation: int = 1) -> None:
        self.name = name
        self.key = key or _derive_key(name)
        self.subject = make_distinguished_name(name)
        self.generation = generation
        self.pem = self._sign(self.subject, self.key, ca=True)
        self.key_pem = encode_key(self.key)
        self.get_device_pem = cache(self._create_device_pem)

    def issue(self, subject: str | x509.Name, key: PrivateKey | None = None) -> str:
        """Return a new certificate in PEM, by default for a new key; a text as subject is its common name."""
        name = make_distinguished_name(subject) if isinstance(subject, str) else subject
        return self._sign(name, key or generate_ec_key())

    def renew(self) -> Authority:
        """Return this CA with another certificate for the same subject and key."""
        return Authority(self.name, self.key, self.generation + 1)

    def _create_device_pem(self, name: str, generation: int = 1, days: int = DEFAULT_DAYS) -> str:
        """Return a device certificate in PEM; `days` is the number of days until it expires."""
        key = _derive_key(f"{self.name} {name} {generation} {days}")
        return self._sign(make_distinguished_name(f"{name} {generation}"), key, days=days)

    def _sign(
        self, subject: x509.Name, key: PrivateKey, *, days: int = DEFAULT_DAYS, ca: bool = False
    ) -> str:
        # By default, a certificate starts with the year, so that its ID is the same in every run; one that expires earlier
        # starts now.
        start = NOW if days < DEFAULT_DAYS else YEAR_START
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.subject)
            .public_key(key.public_key())
            .serial_number(_compute_serial_number(subject, key, self.generation))
            .not_valid_before(start - AGE_DAYS * DAY)
            .not_valid_after(start + days * DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(
                self.key,
                hashes.SHA256(),
                ecdsa_deterministic=True if isinstance(self.key, ec.EllipticCurvePrivateKey) else None,
            )
        )
        return certificate.public_bytes(Encoding.PEM).decode()


def _derive_key(name: str) -> ec.EllipticCurvePrivateKey:
    """Return a key that depends on the name alone."""
    # A private key of this curve must be less than the curve's order, which has 256 bits: 255 bits are always less.
    return ec.derive_private_key(_hash_to_number(name) >> 1, ec.SECP256R1())


def _compute_serial_number(subject: x509.Name, key: PrivateKey, generation: int) -> int:
    """Return a serial number that depends on the arguments alone."""
    public_key = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    number = _hash_to_number(f"{subject.rfc4514_string()} {public_key.hex()} {generation}")
    return number >> 97  # 159 of 256 bits, as many as a serial number may have


def _hash_to_number(text: str) -> int:
    """Return the SHA-256 of a text as a number of 256 bits."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def generate_ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def generate_rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def make_distinguished_name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def encode_key(key: PrivateKey) -> str:
    """Return a private key in PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def to_der(pem: str) -> bytes:
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)


def compute_certificate_id(pem: str) -> str:
    """Return the ID that AWS gives to a certificate."""
    return Pem.parse(pem).fingerprint


def make_signing_request(
    name: str, key: PrivateKey | None = None, digest: hashes.HashAlgorithm | None = None
) -> str:
    """Return a certificate signing request in PEM, by default for a new key and with SHA-256."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(make_distinguished_name(name))
    request = builder.sign(key or generate_ec_key(), digest or hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()
