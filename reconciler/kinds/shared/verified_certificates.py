"""Facts about certificates that this process has verified, by fingerprint.

They cannot change, so each is verified only once.

Invariant: a fact is only recorded for the certificates that were verified themselves, whose fingerprints are computed from their bytes.
"""

from __future__ import annotations

from typing import TypeAlias

from attrs import Factory, define

ValidityPeriod: TypeAlias = tuple[int, int]
"""When a certificate begins and ceases to be valid, in seconds since 1970."""


@define
class VerifiedCertificates:
    """The known facts, oldest first. Fingerprints are lowercase hexadecimal SHA-256.

    - `periods`: the certificates whose keys and signature algorithms AWS accepts;
    - `signatures`: pairs of a certificate and the CA certificate whose key signed it.
    """

    periods: dict[str, ValidityPeriod] = Factory(dict)
    signatures: dict[tuple[str, str], None] = Factory(dict)


VERIFIED = VerifiedCertificates()
"""The facts that this process has verified, and those that `engine.load.verification_cache` read."""
