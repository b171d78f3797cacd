"""The opaque tokens between the pages of a listing: each contains a key and its signature.

Invariant: a token can only be opened with the secret and the purpose with which it was signed. Each database has
its own secret; the purpose is a text that identifies the listing.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from reconciler.frozen_classes import field, frozen

# The place of an item in its listing: the values by which the listing is ordered, such as a creation time and an ID.
Key = Sequence[str | int | float]

_SIGNATURE_BYTES = 12


@frozen
class TokenSigner:
    """Converts keys to tokens and back, with the secret of one database."""

    secret: bytes = field(repr=False)

    def seal(self, purpose: str, key: Key) -> str:
        """Return the signed token of a key, in the URL-safe base64 alphabet."""
        payload = json.dumps(list(key), separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._compute_signature(purpose, payload) + payload).decode()

    def open(self, purpose: str, token: str) -> list[Any] | None:
        """Return the key of a token, or None when it was not signed here for this purpose."""
        try:
            raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            return None
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._compute_signature(purpose, payload)):
            return None
        key = json.loads(payload)
        return key if isinstance(key, list) else None

    def _compute_signature(self, purpose: str, payload: bytes) -> bytes:
        return hmac.digest(self.secret, purpose.encode() + b"\0" + payload, hashlib.sha256)[:_SIGNATURE_BYTES]
