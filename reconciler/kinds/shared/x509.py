"""Check and read X.509 certificates and signing requests, and sign verification certificates."""

from __future__ import annotations

import datetime
import hashlib
import time
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from reconciler.kinds.shared.key_algorithms import check_certificate_algorithms, check_key
from reconciler.kinds.shared.verified_certificates import VERIFIED, ValidityPeriod
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.pem import Pem
from reconciler.model.resource import Resource

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


def read_expiry(pem: Pem) -> datetime.datetime | None:
    """Return when the certificate expires, or None if only its ID is known."""
    return _load(pem.der).not_valid_after_utc if pem.der else None


def read_subject(pem: Pem) -> str | None:
    """Return the certificate's subject, or None if the certificate is not valid or only its ID is known."""
    try:
        return _load(_require_der(pem)).subject.rfc4514_string()
    except ValueError:
        return None


def find_validity_problem(pem: Pem) -> ValueProblem | None:
    """Return that a certificate has expired or is not valid yet, as a warning, or None."""
    start, end = VERIFIED.periods.get(pem.fingerprint) or _read_period(_load(_require_der(pem)))
    now = time.time()
    if end <= now:
        problem = f"the certificate expired on {_format_day(end)}"
        return ValueProblem("certificate-expired", problem, severity="warning")
    if start > now:
        problem = f"the certificate is not valid before {_format_day(start)}"
        return ValueProblem("certificate-not-yet-valid", problem, severity="warning")
    return None


def _read_period(certificate: Certificate) -> ValidityPeriod:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return int(start.timestamp()), int(end.timestamp())


def _format_day(seconds: int) -> str:
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d}"


def read_common_names(pem: Pem) -> tuple[str, ...]:
    """Return the common names in the subject of a certificate."""
    from cryptography.x509 import NameOID

    names = _load(_require_der(pem)).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return tuple(str(name.value) for name in names)


def check_certificate(pem: Pem, field: str, *, ca: bool) -> Iterator[ValueProblem]:
    """Yield errors and warnings about a certificate, without regard to other resources.

    `ca` is whether it must be a CA certificate.
    """
    if pem.fingerprint not in VERIFIED.periods:
        problems = [*_check_unverified(pem, field)]
        yield from problems
        if any(problem.code == "invalid-certificate" for problem in problems):
            return
    problem = find_validity_problem(pem)
    if problem:
        yield problem.nest_under(field)
    if ca and not _is_ca(_load(_require_der(pem))):
        expected = "a certificate with the basic constraint CA:TRUE"
        yield ValueProblem("not-a-ca-certificate", "this is not a CA certificate", expected, path=(field,))


def _check_unverified(pem: Pem, field: str) -> Iterator[ValueProblem]:
    """Check what is the same at any time, and remember a certificate without problems."""
    if not is_readable(pem):
        damage = f": {pem.damage}" if pem.damage else ""
        text = f"not a valid X.509 certificate{damage}"
        yield ValueProblem("invalid-certificate", text, "a certificate in PEM", path=(field,))
        return
    certificate = _load(_require_der(pem))
    problems = [*check_certificate_algorithms(certificate, field)]
    yield from problems
    if not problems:
        VERIFIED.periods[_compute_fingerprint(_require_der(pem))] = _read_period(certificate)


def is_readable(pem: Pem) -> bool:
    """Return whether the PEM is an X.509 certificate; other checks have no meaning if it is not."""
    try:
        _load(_require_der(pem))
    except ValueError:
        return False
    return True


def is_private_key(key: str) -> bool:
    """Return whether a text is an unencrypted private key in PEM."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        load_pem_private_key(key.encode(), password=None)
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def is_signed_by(pem: Pem, ca: Pem) -> bool:
    """Return whether the CA's key signed the certificate, and the CA is named as its issuer."""
    if pem.der and ca.der and (pem.fingerprint, ca.fingerprint) in VERIFIED.signatures:
        return True
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        _load(_require_der(pem)).verify_directly_issued_by(_load(_require_der(ca)))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    VERIFIED.signatures[_compute_fingerprint(_require_der(pem)), _compute_fingerprint(_require_der(ca))] = (
        None
    )
    return True


@lru_cache(maxsize=256)
def _compute_fingerprint(der: bytes) -> str:
    """Return the SHA-256 of a certificate itself: an ID that AWS reports may be that of another one."""
    return hashlib.sha256(der).hexdigest()


def compute_public_key_digest(pem: Pem) -> str:
    """Return the SHA-256 of the certificate's public key, as hexadecimal digits."""
    return _compute_key_digest(_load(_require_der(pem)).public_key())


_PARAMETER_PREFIX = "AWS::IoT::Certificate::"

_SUBJECT_ATTRIBUTES = {
    "Country": "COUNTRY_NAME",
    "Organization": "ORGANIZATION_NAME",
    "OrganizationalUnit": "ORGANIZATIONAL_UNIT_NAME",
    "DistinguishedNameQualifier": "DN_QUALIFIER",
    "StateName": "STATE_OR_PROVINCE_NAME",
    "CommonName": "COMMON_NAME",
    "SerialNumber": "SERIAL_NUMBER",
}
"""Parameters without their prefix, and what `cryptography` calls the part of the subject that each contains."""

CERTIFICATE_PARAMETERS = frozenset(_PARAMETER_PREFIX + name for name in ("Id", *_SUBJECT_ATTRIBUTES))
"""The parameters that a certificate may provide."""


def build_pseudo_parameters(pem: Pem) -> dict[str, str]:
    """Return the values that a certificate provides for a template's parameters, by parameter.

    The parameters are `AWS::IoT::Certificate::CommonName` and the like; an invalid certificate provides only its ID.
    Source: AWS IoT developer guide, "Just-in-time provisioning".
    """
    from cryptography.x509 import NameOID

    parameters = {f"{_PARAMETER_PREFIX}Id": pem.fingerprint}
    try:
        subject = _load(_require_der(pem)).subject
    except ValueError:
        return parameters
    for name, oid in _SUBJECT_ATTRIBUTES.items():
        values = subject.get_attributes_for_oid(getattr(NameOID, oid))
        if values:
            parameters[_PARAMETER_PREFIX + name] = str(values[0].value)
    return parameters


def select_certificate_parameters(declared: Iterable[str]) -> set[str]:
    """Return the declared parameters that a certificate may provide."""
    return {name for name in declared if name.startswith(_PARAMETER_PREFIX)}


def check_request_key(csr: str, *path: str) -> Iterator[ValueProblem]:
    """Yield a problem if AWS does not accept the key of a signing request, which must be valid."""
    from cryptography import x509

    return check_key(x509.load_pem_x509_csr(csr.encode()), *path)


def compute_signing_request_key_digest(csr: str) -> str | None:
    """Return the SHA-256 of a signing request's public key, as hexadecimal digits.

    Returns None if the request is invalid or not signed with its own key.
    """
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        request = x509.load_pem_x509_csr(csr.encode())
        return _compute_key_digest(request.public_key()) if request.is_signature_valid else None
    except (ValueError, UnsupportedAlgorithm):
        return None


def compute_private_key_digest(key: str) -> str | None:
    """Return the SHA-256 of a private key's public key, as hexadecimal digits; None for other text.

    The key is an unencrypted PEM. Whether an RSA key is well-formed is not checked, because that takes long.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private_key = load_pem_private_key(key.encode(), password=None, unsafe_skip_rsa_key_validation=True)
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return None
    return _compute_key_digest(private_key.public_key())


def _compute_key_digest(key: Any) -> str:
    from cryptography.hazmat.primitives import serialization

    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def find_signer(pem: Pem, cas: Iterable[Resource]) -> str | None:
    """Return the name of the CA that signed the certificate, if it is one of `cas`."""
    return next((ca.address.name for ca in cas if is_signed_by(pem, ca.spec.pem)), None)


def is_key_of(pem: Pem, key: str) -> bool:
    """Return whether a private key (unencrypted PEM) belongs to the certificate."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private_key = load_pem_private_key(key.encode(), password=None)
        return bool(private_key.public_key() == _load(_require_der(pem)).public_key())
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return False


def sign_registration_code(ca: str, key: str, code: str) -> str:
    """Return a verification certificate: `code` as its common name, signed by the CA, valid for a day.

    `ca` is the CA certificate, and `key` is its private key; these and the result are in PEM. Source: AWS IoT developer guide,
    "Register a CA certificate" (DEFAULT mode).
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    issuer = x509.load_pem_x509_certificate(ca.encode())
    ca_key = serialization.load_pem_private_key(key.encode(), password=None)
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, code)]))
        .issuer_name(issuer.subject)
        .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())  # its private key is never used
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(ca_key, hashes.SHA256())  # type: ignore[arg-type]  # the key was checked when the file was loaded
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@lru_cache(maxsize=256)  # a certificate is parsed several times in a row
def _load(der: bytes) -> Certificate:
    from cryptography import x509

    try:
        return x509.load_der_x509_certificate(der)
    except x509.InvalidVersion as error:
        raise ValueError(str(error)) from None


def _require_der(pem: Pem) -> bytes:
    if pem.der is None:
        raise ValueError("only its ID is known")
    return pem.der


def _is_ca(certificate: Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False
