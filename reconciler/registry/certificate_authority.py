"""Key pairs and certificates, as AWS issues them, without the state of the registry.

Invariant: every certificate has its own serial number, so repeating a call with the same CSR returns another certificate.
It expires at the end of 2049 unless its validity is given. Its subject is the CSR's, or AWS's constant one without a CSR.
"""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PSS, PKCS1v15
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from reconciler.frozen_classes import field, frozen
from reconciler.registry.algorithms import EXPECTED_KEYS, KEY_BITS, PublicKey, find_accepted_key

NOT_AFTER = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)

# AWS's issuer is a single organizational unit, whose text contains the other attributes.
_ISSUER = x509.Name(
    [
        x509.NameAttribute(
            NameOID.ORGANIZATIONAL_UNIT_NAME,
            "Amazon Web Services O=Amazon.com Inc. L=Seattle ST=Washington C=US",
        ),
    ]
)
_SUBJECT = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "AWS IoT Certificate")])
# Clocks differ, so a certificate is valid from shortly before it was issued.
_CLOCK_SKEW = timedelta(minutes=2)


@frozen
class KeyPair:
    """A new key pair; `public` and `private` are PEM, and `key` is the private key as an object."""

    public: str
    private: str = field(repr=False)
    key: rsa.RSAPrivateKey = field(repr=False, eq=False)


class InvalidCsrError(Exception):
    """A certificate signing request is invalid or has an unsupported key; the message has the reason."""


def generate_key_pair() -> KeyPair:
    """Generate an RSA key pair of 2048 bits, as CreateKeysAndCertificate does."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return KeyPair(public.decode(), private.decode(), key)


def generate_signing_key() -> str:
    """Generate the private key, in PEM, that signs the certificates of one account and Region."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def issue_certificate(
    signing_key: str, pair: KeyPair, now: float, validity_seconds: float | None = None
) -> str:
    """Return a certificate, in PEM, for a key pair; it expires after `validity_seconds`, or at NOT_AFTER."""
    return _sign(signing_key, pair.key.public_key(), _SUBJECT, now, validity_seconds)


def issue_from_csr(signing_key: str, request_pem: str, now: float) -> str:
    """Return a certificate, in PEM, for a signing request, with the request's subject.

    Raises InvalidCsrError.
    """
    try:
        request = x509.load_pem_x509_csr(request_pem.encode("utf-8"))
        public_key = request.public_key()
        hash_algorithm = request.signature_hash_algorithm
        subject = request.subject
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidCsrError(
            "it is not a certificate signing request in PEM format or has an unknown algorithm"
        ) from error
    key = _require_supported(public_key)
    try:
        _verify_possession(key, request, hash_algorithm)
    except (InvalidSignature, UnsupportedAlgorithm) as error:
        raise InvalidCsrError(
            "its signature does not match its public key or has an unsupported digest"
        ) from error
    return _sign(signing_key, key, subject, now, None)


def _verify_possession(
    key: PublicKey, request: x509.CertificateSigningRequest, hash_algorithm: hashes.HashAlgorithm | None
) -> None:
    """Verify a request's signature, which proves that its sender has the private key.

    Unlike `request.is_signature_valid`, this accepts SHA-1: AWS does not document that it rejects any hash algorithm.

    Raises InvalidSignature, UnsupportedAlgorithm.
    """
    if hash_algorithm is None:
        raise InvalidSignature
    if isinstance(key, rsa.RSAPublicKey):
        padding = request.signature_algorithm_parameters
        assert isinstance(padding, PKCS1v15 | PSS)
        key.verify(request.signature, request.tbs_certrequest_bytes, padding, hash_algorithm)
    else:
        key.verify(request.signature, request.tbs_certrequest_bytes, ec.ECDSA(hash_algorithm))


def _require_supported(key: object) -> PublicKey:
    """Return the key if AWS accepts its type and size. Raises InvalidCsrError."""
    accepted_key = find_accepted_key(key)
    if accepted_key is None:
        raise InvalidCsrError(f"its key is not {EXPECTED_KEYS}")
    return accepted_key


def _sign(
    signing_key: str, key: PublicKey, subject: x509.Name, now: float, validity_seconds: float | None
) -> str:
    signer = load_pem_private_key(signing_key.encode(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    start = datetime.fromtimestamp(now, UTC)
    end = NOT_AFTER if validity_seconds is None else start + timedelta(seconds=validity_seconds)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_ISSUER)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - _CLOCK_SKEW)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
