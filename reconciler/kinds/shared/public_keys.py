"""Public keys in PEM, with which AWS IoT verifies signatures."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.diagnostic import ValueProblem

_MIN_RSA_BITS = 2048
"""The minimum size of a key (developer guide, "Creating and managing custom authorizers")."""


def check_public_key(text: str, *path: str) -> Iterator[ValueProblem]:
    """Yield an error for an empty text, and a warning for one that is not a sufficient public key.

    AWS documents the size, but not which texts it rejects (UNCONFIRMED).
    """
    expected = f"a public key in PEM; RSA keys with at least {_MIN_RSA_BITS:,} bits"
    if not text:
        yield ValueProblem("empty-value", "empty", expected, path=path)
        return
    problem = _find_problem(text)
    if problem:
        yield ValueProblem("not-a-public-key", problem, expected, path=path, severity="warning")


def _find_problem(text: str) -> str | None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        return "not a public key in PEM"
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS:
        return f"the key has only {key.key_size:,} bits"
    return None
