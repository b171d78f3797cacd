"""A factory that signs device certificates for the notebooks, with a key that exists in memory only."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

_YEAR = datetime.timedelta(days=365)


class Factory:
    """A certificate authority; `pem` is its CA certificate, in PEM."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _common_name("Factory CA")
        self.pem = self._sign(self._name, self._key, ca=True)

    def issue_certificate(self, device: str) -> str:
        """Return a new certificate in PEM, for a device with a new key."""
        return self._sign(_common_name(device), ec.generate_private_key(ec.SECP256R1()), ca=False)

    def _sign(self, subject: x509.Name, subject_key: ec.EllipticCurvePrivateKey, *, ca: bool) -> str:
        start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=5)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(subject_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + (10 * _YEAR if ca else _YEAR))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
            .sign(self._key, SHA256())
        )
        return certificate.public_bytes(Encoding.PEM).decode()


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
