"""Sensitive values: revealed only to build requests, and compared with stored ones by a salted hash."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from reconciler.frozen_classes import field, frozen
from reconciler.model.errors import MissingSecretError
from reconciler.model.redaction import REDACTED, get_known_hashes

# 2**12 rounds with blocks of 1 KiB cost an attacker about 8 ms and 4 MiB per guess, and the plan of a fleet a few seconds.
_LOG2_COST = 12
_MAX_LOG2_COST = 20
_DIGEST = re.compile(r"scrypt:(\d+):([A-Za-z0-9_-]+):([A-Za-z0-9_-]+)")


@frozen(order=True)
class StoredSecret:
    """A reference to a secret that AWS stores.

    `service` is "ssm" or "secretsmanager", `id` the name of the parameter, or the name or ARN of the secret. `key` is the member of a secret that is
    a JSON object, or empty for the whole secret.
    """

    service: str
    id: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.service} {self.id}" + (f" key {self.key}" if self.key else "")


@frozen(repr=False)
class Secret:
    """A value that is never shown.

    `reference` is the value's source (`env PUMP_7_QR`, `file pki/ca.key`, `ssm /pump-7`) and may be shown. `value` is None if its
    environment variable is not set, or if AWS stores it and it has not been read; that is an error only when the value is needed.
    `problem` is why it could not be read from AWS. The code that reads the value
    also registers it, so that it is redacted in the text of other libraries (`model/redaction.py`).
    """

    reference: str
    value: str | None = field(default=None, repr=False)
    problem: str = field(default="", eq=False)

    def __repr__(self) -> str:
        return REDACTED

    __str__ = __repr__

    def __reduce__(self) -> Any:
        raise TypeError("internal error: secrets cannot be serialized")

    def reveal(self) -> str:
        """Return the value. Raises MissingSecretError if it is not set."""
        if self.value is None:
            raise MissingSecretError(self.reference)
        return self.value

    def explain_absence(self) -> str:
        """Return why there is no value, and what to do."""
        return f"cannot be read: {self.problem}" if self.problem else f"is not set; set {self.reference}"

    def hash_with_salt(self, salt: str) -> SecretDigest:
        """Return a hash that can be stored with the resource; `salt` is a text unique to the resource."""
        salt_bytes = hashlib.sha256(salt.encode()).digest()[:16]
        return SecretDigest(_LOG2_COST, _to_base64(salt_bytes), _hash(self.reveal(), salt_bytes, _LOG2_COST))


@frozen
class SecretDigest:
    """The stored hash of a secret: `scrypt:<log2_cost>:<salt>:<digest>`.

    `salt` and `digest` are URL-safe base64 without padding.
    """

    log2_cost: int
    salt: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> SecretDigest | None:
        """Return the hash in a stored text, or None if there is none or checking it would take too long."""
        match = _DIGEST.fullmatch(text) if text.startswith("scrypt:") else None
        if match is None or int(match[1]) > _MAX_LOG2_COST:
            return None
        return cls(int(match[1]), match[2], match[3])

    def matches(self, secret: Secret) -> bool:
        """Return whether the secret has the stored hash; a secret that is not set counts as matching."""
        if secret.value is None:
            return True
        padded = self.salt + "=" * (-len(self.salt) % 4)
        return _hash(secret.value, base64.urlsafe_b64decode(padded), self.log2_cost) == self.digest

    def __str__(self) -> str:
        return f"scrypt:{self.log2_cost}:{self.salt}:{self.digest}"


@frozen
class KeySecret:
    """The secret of Secrets Manager that the desired state names for a private key that AWS creates.

    The key itself is never read. `exists` is whether there was such a secret when the plan was made. `certificate_id` is then the ID of
    the certificate that has the key, or empty if the workspace did not create the secret. `problem` is why the secret cannot be used or could not be described.
    """

    name: str
    exists: bool = field(default=False, eq=False)
    certificate_id: str = field(default="", eq=False)
    problem: str = field(default="", eq=False)

    def __str__(self) -> str:
        return f"the secret {self.name}"


@frozen
class ReadSecrets:
    """The secrets of a file that were read from AWS.

    `values` are those with a value, and `keys` those for private keys, by name, which are only described.
    """

    values: Mapping[StoredSecret, Secret] = field(factory=dict)
    keys: Mapping[str, KeySecret] = field(factory=dict)


def walk_secrets(value: Any) -> Iterator[Secret]:
    """Yield every secret in a value, such as parameters or a spec."""
    match value:
        case str():
            return
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


def _hash(value: str, salt: bytes, log2_cost: int) -> str:
    hashes, key = get_known_hashes(), (value, salt, log2_cost)
    if key not in hashes:
        digest = hashlib.scrypt(
            value.encode(), salt=salt, n=1 << log2_cost, r=8, p=1, maxmem=1 << 30, dklen=24
        )
        hashes[key] = _to_base64(digest)
    return hashes[key]


def _to_base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
