"""The keys and signatures that AWS IoT accepts. Pure: no registry state.

Source: AWS IoT developer guide, "X.509 client certificates" (signing algorithms) and "Create your own client certificates" (keys).
UNCONFIRMED: the texts of the errors.
"""

from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import SignatureAlgorithmOID

from reconciler.registry.errors import ApiError

KEY_BITS = 2048
EXPECTED_KEYS = "RSA of 2048 bits or more, or one of NIST P-256, P-384 and P-521"

PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_SIGNATURE_ALGORITHMS = {
    SignatureAlgorithmOID.RSA_WITH_SHA256,
    SignatureAlgorithmOID.RSA_WITH_SHA384,
    SignatureAlgorithmOID.RSA_WITH_SHA512,
    SignatureAlgorithmOID.ECDSA_WITH_SHA256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512,
    SignatureAlgorithmOID.DSA_WITH_SHA256,
}
_PSS_DIGESTS = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


def find_accepted_key(key: object) -> PublicKey | None:
    """Return the key if AWS accepts its type and size, else None."""
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= KEY_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES):
        return key
    return None


def require_accepted_algorithms(certificate: x509.Certificate, noun: str) -> None:
    """Raise CertificateValidation unless AWS accepts the certificate's key and signature.

    `noun` names the certificate in the error.
    """
    try:
        key: object = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        key = None
    if find_accepted_key(key) is None:
        raise _invalid(noun, f"its key is not {EXPECTED_KEYS}")
    if not _is_signature_accepted(certificate):
        raise _invalid(noun, "its signature algorithm is not supported")


def _is_signature_accepted(certificate: x509.Certificate) -> bool:
    if certificate.signature_algorithm_oid != SignatureAlgorithmOID.RSASSA_PSS:
        return certificate.signature_algorithm_oid in _SIGNATURE_ALGORITHMS
    try:
        return isinstance(certificate.signature_hash_algorithm, _PSS_DIGESTS)
    except UnsupportedAlgorithm:
        return False


def _invalid(noun: str, problem: str) -> ApiError:
    return ApiError("CertificateValidationException", f"The {noun} is not valid: {problem}.")
