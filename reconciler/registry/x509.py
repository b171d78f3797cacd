"""X.509 as the registry needs it: ids, subjects, validity, and who signed what. Pure: no registry state.

Law: a certificate is its DER. Its id is the SHA-256 of that in lower-case hex, so whitespace in a PEM never matters.
For CA certificates the same is assumed (UNCONFIRMED).
"""

import hashlib

from attrs import field, frozen
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from reconciler.registry.errors import ApiError


@frozen
class ParsedCertificate:
    """One certificate. `not_before` and `not_after` are seconds since the epoch; `subject` and `issuer` are DER."""

    id: str
    pem: str = field(repr=False)
    subject: bytes
    issuer: bytes
    not_before: float
    not_after: float
    parsed: x509.Certificate = field(repr=False, eq=False)

    def issued_by(self, issuer: "ParsedCertificate") -> bool:
        """Whether the issuer's name and key, RSA, EC or Ed25519, really signed this certificate."""
        try:
            self.parsed.verify_directly_issued_by(issuer.parsed)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            return False
        return True

    @property
    def is_authority(self) -> bool:
        """Whether its basic constraints say that it may sign certificates."""
        try:
            return bool(self.parsed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
        except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
            return False

    @property
    def common_names(self) -> tuple[str, ...]:
        """Every common name of the subject."""
        names = self.parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return tuple(str(name.value) for name in names)


def read_certificate(pem: str, what: str) -> ParsedCertificate:
    """Read one PEM certificate; `what` names it in the error.

    The text is kept as it was given, as AWS gives it back. A text with several certificates is refused: which of them
    AWS would take is UNCONFIRMED. Raises CertificateValidationException.
    """
    try:
        found = x509.load_pem_x509_certificates(pem.encode("utf-8"))
        if len(found) != 1:
            raise _invalid(what, f"it holds {len(found)} certificates instead of one")
        parsed = found[0]
        return ParsedCertificate(
            id=hashlib.sha256(parsed.public_bytes(Encoding.DER)).hexdigest(),
            pem=pem,
            subject=parsed.subject.public_bytes(),
            issuer=parsed.issuer.public_bytes(),
            not_before=parsed.not_valid_before_utc.timestamp(),
            not_after=parsed.not_valid_after_utc.timestamp(),
            parsed=parsed,
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _invalid(what, "it is not an X.509 certificate in PEM format") from error


def _invalid(what: str, why: str) -> ApiError:
    return ApiError("CertificateValidationException", f"The {what} is not valid: {why}.")
