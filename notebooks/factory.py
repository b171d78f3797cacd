"""A factory that signs device certificates, for the notebooks: its key is made when it is opened, and kept nowhere."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

_YEAR = datetime.timedelta(days=365)


class Factory:
    """`pem` is its CA certificate."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("Factory CA")
        self.pem = self._signed(self._name, self._key, ca=True)

    def certificate(self, device: str) -> str:
        """A new certificate for a device, which has made its own key."""
        return self._signed(_named(device), ec.generate_private_key(ec.SECP256R1()), ca=False)

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> str:
        begun = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=5)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begun)
            .not_valid_after(begun + (10 * _YEAR if ca else _YEAR))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
            .sign(self._key, SHA256())
        )
        return made.public_bytes(Encoding.PEM).decode()


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
