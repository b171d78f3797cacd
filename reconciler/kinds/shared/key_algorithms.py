"""The keys and signatures that AWS IoT accepts in certificates and signing requests.

Source: AWS IoT developer guide, "X.509 client certificates" (signing algorithms) and "Create your own client certificates" (keys: RSA with at
least 2,048 bits, or NIST P-256, P-384 and P-521).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from reconciler.model.diagnostic import ValueProblem

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, CertificateSigningRequest, ObjectIdentifier

_MIN_RSA_BITS = 2048
_CURVES = ("secp256r1", "secp384r1", "secp521r1")

EXPECTED_KEY = f"RSA with at least {_MIN_RSA_BITS:,} bits, or ECDSA on P-256, P-384 or P-521"
EXPECTED_SIGNATURE = "RSA, RSASSA-PSS or ECDSA with SHA-256, SHA-384 or SHA-512"


def check_certificate_algorithms(certificate: Certificate, *path: str) -> Iterator[ValueProblem]:
    """Yield a problem if AWS does not accept the certificate's key or, else, its signature."""
    key_problems = [*check_key(certificate, *path)]
    yield from key_problems
    if not key_problems and not _is_signature_accepted(certificate):
        name = _name_signature_algorithm(certificate)
        problem = f"the certificate is signed with {name}, which AWS IoT does not accept"
        yield ValueProblem("unsupported-signature", problem, EXPECTED_SIGNATURE, path=path)


def check_key(holder: Certificate | CertificateSigningRequest, *path: str) -> Iterator[ValueProblem]:
    """Yield a problem if AWS does not accept the public key of a certificate or a signing request."""
    description = _describe_unsupported_key(holder)
    if description:
        problem = f"the key is {description}, which AWS IoT does not accept"
        yield ValueProblem("unsupported-key", problem, EXPECTED_KEY, path=path)


def _describe_unsupported_key(holder: Certificate | CertificateSigningRequest) -> str | None:
    """Return what kind of key it is, or None if AWS accepts it."""
    elliptic_curve_key, rsa_key, unsupported_algorithm = _import_key_classes()
    try:
        key: Any = holder.public_key()
    except (unsupported_algorithm, ValueError):
        return "of an unknown kind"
    if isinstance(key, elliptic_curve_key):
        return None if key.curve.name in _CURVES else f"ECDSA on {key.curve.name}"
    if isinstance(key, rsa_key):
        return None if key.key_size >= _MIN_RSA_BITS else f"RSA with {key.key_size:,} bits"
    return type(key).__name__.removeprefix("_").removesuffix("PublicKey")  # Ed25519PublicKey and the like


@cache
def _import_key_classes() -> tuple[Any, Any, type[Exception]]:
    """Return the classes of elliptic-curve and RSA keys, and the error of an unknown algorithm.

    An import statement takes longer than a check, and a fleet has very many keys.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    return ec.EllipticCurvePublicKey, rsa.RSAPublicKey, UnsupportedAlgorithm


def _is_signature_accepted(certificate: Certificate) -> bool:
    algorithm = certificate.signature_algorithm_oid
    return algorithm in _list_accepted_algorithms() or _is_pss_accepted(certificate)


def _is_pss_accepted(certificate: Certificate) -> bool:
    """Return whether a certificate is signed with RSASSA-PSS and an accepted digest."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509 import SignatureAlgorithmOID as Algorithm

    if certificate.signature_algorithm_oid != Algorithm.RSASSA_PSS:
        return False
    try:
        digest = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return False
    return isinstance(digest, hashes.SHA256 | hashes.SHA384 | hashes.SHA512)


@cache
def _list_accepted_algorithms() -> frozenset[ObjectIdentifier]:
    """Return the algorithms that are accepted without regard to their parameters."""
    from cryptography.x509 import SignatureAlgorithmOID as Algorithm

    accepted = {
        Algorithm.RSA_WITH_SHA256,
        Algorithm.RSA_WITH_SHA384,
        Algorithm.RSA_WITH_SHA512,
        Algorithm.ECDSA_WITH_SHA256,
        Algorithm.ECDSA_WITH_SHA384,
        Algorithm.ECDSA_WITH_SHA512,
        Algorithm.DSA_WITH_SHA256,
    }
    return frozenset(accepted)


def _name_signature_algorithm(certificate: Certificate) -> str:
    """Return the algorithm's name, or its dotted number if `cryptography` has none."""
    oid = certificate.signature_algorithm_oid
    name: str = oid._name  # noqa: SLF001 (there is no public name)
    return oid.dotted_string if name == "Unknown OID" else name
