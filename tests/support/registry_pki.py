"""Throw-away certificate authorities and device certificates."""

import datetime as dt

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
END = dt.datetime(2045, 1, 1, tzinfo=dt.UTC)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@frozen
class Authority:
    """A CA certificate and the key that signs for it."""

    subject: x509.Name
    key: Key
    pem: str

    def issue(self, common_name: str, key: Key | None = None) -> str:
        return build(name(common_name), self.subject, key or ec_key(), self.key)

    def renewed(self) -> "Authority":
        """Another CA certificate with the same subject and key."""
        return authority(self.subject, self.key)


def authority(subject: x509.Name, key: Key) -> Authority:
    return Authority(subject, key, build(subject, subject, key, key, ca=True))


def build(subject: x509.Name, issuer: x509.Name, key: Key, signer: Key, *, ca: bool = False) -> str:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(END)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def der_of(pem: str) -> bytes:
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
