"""X.509 certificates in PEM, compared by their DER."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from functools import lru_cache

from reconciler.frozen_classes import field, frozen
from reconciler.model.diagnostic import InvalidValueError, ValueProblem

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")


def has_private_key(text: str) -> bool:
    """Return whether a text has a private key in PEM."""
    return "PRIVATE KEY" in text and "PRIVATE KEY-----" in text  # finding the dashes alone takes long


@lru_cache(maxsize=16)  # the registration of each device needs the text of its CA
def _format_pem(der: bytes) -> str:
    digits = base64.b64encode(der).decode()
    lines = "\n".join([digits[start : start + 64] for start in range(0, len(digits), 64)])
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


@frozen
class Pem:
    """One X.509 certificate.

    `fingerprint` is the lowercase hexadecimal SHA-256 of the DER, which AWS IoT uses as the certificate ID
    (AWS IoT API reference, `certificateId`). `der` is None for a certificate of which only the ID is
    known. `source` is the file that the certificate was read from.
    """

    fingerprint: str
    der: bytes | None = field(default=None, eq=False, repr=False)
    source: str | None = field(default=None, eq=False)

    @classmethod
    def parse(cls, text: str, source: str | None = None) -> Pem:
        """Read exactly one certificate. Raises InvalidValueError."""
        blocks = _BLOCK.findall(text)
        if len(blocks) != 1:
            problem = f"{len(blocks)} PEM certificates found" if blocks else _explain_absence(text)
            raise InvalidValueError(
                ValueProblem("invalid-pem", problem, "one -----BEGIN CERTIFICATE----- block")
            )
        try:
            der = binascii.a2b_base64("".join(blocks[0].split()), strict_mode=True)
        except binascii.Error:
            raise InvalidValueError(
                ValueProblem("invalid-pem", "the PEM certificate is not valid base64")
            ) from None
        return cls(hashlib.sha256(der).hexdigest(), der, source)

    @classmethod
    def from_response(cls, fingerprint: str, text: str | None) -> Pem:
        """Return the certificate that AWS reports; only its ID is known if the text is not one certificate."""
        try:
            return cls(fingerprint, cls.parse(text or "").der)
        except InvalidValueError:
            return cls(fingerprint)

    @property
    def text(self) -> str | None:
        """The certificate in PEM; a fleet has many, so it is built only where it is used."""
        return None if self.der is None else _format_pem(self.der)

    @property
    def damage(self) -> str | None:
        """Why the DER is not one whole value, or None."""
        from reconciler.model.file_content import find_der_problem

        return find_der_problem(self.der) if self.der is not None else None

    def __str__(self) -> str:
        return f"sha256:{self.fingerprint[:12]}…" + (f" ({self.source})" if self.source else "")


def _explain_absence(text: str) -> str:
    """Return the problem of a text without a PEM certificate: what the text is, if that is known."""
    from reconciler.model.file_content import recognize_text

    content = recognize_text(text)
    return f"no PEM certificate found: this is {content}" if content else "no PEM certificate found"
