"""Client tokens, by which AWS recognizes a request that is sent twice."""

from __future__ import annotations

import hashlib
import json


def build_client_token(*request: object) -> str:
    """Return 64 hexadecimal digits that are the same for equal requests, in every run."""
    text = json.dumps(request, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
