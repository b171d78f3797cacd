"""Sensitive values: referred to, revealed only in the request itself, compared through a salted hash."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import attrs
from attrs import field, frozen

from reconciler.model.errors import MissingSecretError
from reconciler.model.redaction import REDACTED, register_secret

# 2**12 rounds of 1 KiB blocks cost about 8 ms and 4 MiB a guess, and a fleet's plan stays in seconds.
_COST = 12
_HASH = re.compile(r"scrypt:(\d+):([A-Za-z0-9_-]+):([A-Za-z0-9_-]+)")


@frozen(repr=False)
class Secret:
    """A value that is never shown: where it comes from, and, where it could be read, what it is.

    `reference` is what the file says (`env PUMP_7_QR`, `file pki/ca.key`) and may be shown. `value` is None when
    the environment variable is not set: that matters only when the value is needed.
    """

    reference: str
    value: str | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        """Whoever repeats it, it is not shown."""
        if self.value is not None:
            register_secret(self.value)

    def __repr__(self) -> str:
        return REDACTED

    __str__ = __repr__

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not serialised")

    def reveal(self) -> str:
        """The value itself. Raises MissingSecretError when there is none."""
        if self.value is None:
            raise MissingSecretError(self.reference)
        return self.value

    def digest(self, salt: str) -> SecretDigest:
        """A hash that can be stored beside the resource; `salt` is any text that is this resource's own."""
        salted = hashlib.sha256(salt.encode()).digest()[:16]
        return SecretDigest(_COST, _text(salted), _stretch(self.reveal(), salted, _COST))


@frozen
class SecretDigest:
    """What the registry remembers of a secret: `scrypt:<log2 cost>:<salt>:<hash>`, both URL-safe base64."""

    cost: int
    salt: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> SecretDigest | None:
        """Read the stored form; None when it is not one that we wrote."""
        match = _HASH.fullmatch(text)
        return cls(int(match[1]), match[2], match[3]) if match and int(match[1]) <= 20 else None  # noqa: PLR2004

    def matches(self, secret: Secret) -> bool:
        """Whether the secret is the one remembered. A secret that is not set here cannot be told from it."""
        if secret.value is None:
            return True
        padded = self.salt + "=" * (-len(self.salt) % 4)
        return _stretch(secret.value, base64.urlsafe_b64decode(padded), self.cost) == self.digest

    def __str__(self) -> str:
        return f"scrypt:{self.cost}:{self.salt}:{self.digest}"


def walk_secrets(value: Any) -> Iterator[Secret]:
    """Yield every secret in a value: in a parameter, a list, a mapping, a spec."""
    match value:
        case Secret():
            yield value
        case Mapping():
            for item in value.values():
                yield from walk_secrets(item)
        case list() | tuple():
            for item in value:
                yield from walk_secrets(item)
        case _ if attrs.has(type(value)):
            for attribute in attrs.fields(type(value)):
                yield from walk_secrets(getattr(value, attribute.name))


@lru_cache(maxsize=65536)
def _stretch(value: str, salt: bytes, cost: int) -> str:
    digest = hashlib.scrypt(value.encode(), salt=salt, n=1 << cost, r=8, p=1, maxmem=1 << 30, dklen=24)
    return _text(digest)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
