"""X.509 certificates in PEM, compared by their DER."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from attrs import field, frozen

from reconciler.model.diagnostic import InvalidValueError, ValueProblem

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----\s*([A-Za-z0-9+/=\s]+?)\s*-----END CERTIFICATE-----")


@frozen
class Pem:
    """One X.509 certificate.

    `fingerprint` is the lowercase hexadecimal SHA-256 of the DER, which AWS IoT uses as the certificate ID
    (AWS IoT API reference, `certificateId`). `text` is None for a certificate of which only the ID is
    known. `source` is the file that the text was read from.
    """

    fingerprint: str
    text: str | None = field(default=None, eq=False, repr=False)
    source: str | None = field(default=None, eq=False)

    @classmethod
    def parse(cls, text: str, source: str | None = None) -> Pem:
        """Read exactly one certificate. Raises InvalidValueError."""
        blocks = _BLOCK.findall(text)
        if len(blocks) != 1:
            problem = f"{len(blocks)} PEM certificates found" if blocks else "no PEM certificate found"
            raise InvalidValueError(
                ValueProblem("invalid-pem", problem, "one -----BEGIN CERTIFICATE----- block")
            )
        try:
            der = base64.b64decode("".join(blocks[0].split()), validate=True)
        except binascii.Error:
            raise InvalidValueError(
                ValueProblem("invalid-pem", "the PEM certificate is not valid base64")
            ) from None
        lines = "\n".join(re.findall(".{1,64}", base64.b64encode(der).decode()))
        canonical = f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"
        return cls(hashlib.sha256(der).hexdigest(), canonical, source)

    def __str__(self) -> str:
        return f"sha256:{self.fingerprint[:12]}…" + (f" ({self.source})" if self.source else "")
