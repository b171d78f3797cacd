"""Certificates and signing requests with keys that AWS accepts or rejects."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.pki import NOT_AFTER, NOT_BEFORE, make_distinguished_name

ACCEPTED_KEYS: Mapping[str, Any] = {
    "RSA with 2,048 bits": lambda: rsa.generate_private_key(65537, 2048),
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
}
REJECTED_KEYS: Mapping[str, Any] = {
    "RSA with 1,024 bits": lambda: rsa.generate_private_key(65537, 1024),
    "ECDSA on secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "ECDSA on secp224r1": lambda: ec.generate_private_key(ec.SECP224R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "DSA": lambda: dsa.generate_private_key(2048),
}
"""By the description in messages: a function that creates the key."""


@cache
def get_key(name: str) -> Any:
    """Return the key with this name; the same one each time."""
    return {**ACCEPTED_KEYS, **REJECTED_KEYS}[name]()


def make_ca(key: Any, digest: hashes.HashAlgorithm | None = None, *, pss: bool = False) -> str:
    """Return a self-signed CA certificate in PEM; the digest is SHA-256 by default."""
    name = make_distinguished_name("a CA")
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    algorithm = _select_digest(key, digest)
    if pss:
        rsa_padding = padding.PSS(padding.MGF1(algorithm), padding.PSS.DIGEST_LENGTH)
        return builder.sign(key, algorithm, rsa_padding=rsa_padding).public_bytes(Encoding.PEM).decode()
    return builder.sign(key, algorithm).public_bytes(Encoding.PEM).decode()


def make_signing_request(key: Any) -> str:
    """Return a signing request in PEM, signed with the key."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(make_distinguished_name("a device"))
    return builder.sign(key, _select_digest(key, None)).public_bytes(Encoding.PEM).decode()


def _select_digest(key: Any, digest: hashes.HashAlgorithm | None) -> Any:
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else digest or hashes.SHA256()
