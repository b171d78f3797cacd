"""Certificates: their IDs, subjects, validity and issuers. Pure: no registry state.

Invariant: a certificate's ID is the SHA-256 of its DER in lowercase hex, so whitespace in a PEM does not change the ID. The
IDs of CA certificates are assumed to be computed in the same way (UNCONFIRMED).
"""

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from reconciler.frozen_classes import field, frozen
from reconciler.registry.errors import ApiError


@frozen
class ParsedCertificate:
    """A parsed certificate.

    `not_before` and `not_after` are in seconds since the epoch; `subject` and `issuer` are DER.
    """

    id: str
    pem: str = field(repr=False)
    subject: bytes
    issuer: bytes
    not_before: float
    not_after: float
    certificate: x509.Certificate = field(repr=False, eq=False)

    def is_issued_by(self, issuer: "ParsedCertificate") -> bool:
        """Return whether this certificate's issuer is the other's subject, and the other's key signed it.

        Nothing else is checked, such as the validity or whether the other is a CA.
        """
        try:
            self.certificate.verify_directly_issued_by(issuer.certificate)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            return False
        return True

    @property
    def is_authority(self) -> bool:
        """Whether its basic constraints allow it to sign certificates."""
        try:
            return bool(self.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
        except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
            return False

    @property
    def common_names(self) -> tuple[str, ...]:
        """Every common name of the subject."""
        names = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return tuple(str(name.value) for name in names)


def read_certificate(pem: str, noun: str) -> ParsedCertificate:
    """Parse one certificate in PEM; `noun` names it in the error.

    The text is kept unchanged, because AWS returns it unchanged. A text with several certificates is rejected
    (UNCONFIRMED: which of them AWS would use). Raises CertificateValidationException.
    """
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode("utf-8"))
        if len(certificates) != 1:
            raise _invalid(noun, f"it holds {len(certificates)} certificates instead of one")
        certificate = certificates[0]
        return ParsedCertificate(
            id=certificate.fingerprint(SHA256()).hex(),
            pem=pem,
            subject=certificate.subject.public_bytes(),
            issuer=certificate.issuer.public_bytes(),
            not_before=certificate.not_valid_before_utc.timestamp(),
            not_after=certificate.not_valid_after_utc.timestamp(),
            certificate=certificate,
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _invalid(noun, "it is not an X.509 certificate in PEM format") from error


def _invalid(noun: str, problem: str) -> ApiError:
    return ApiError("CertificateValidationException", f"The {noun} is not valid: {problem}.")
