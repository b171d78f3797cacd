"""Redact secrets in exceptions, tracebacks and the log records of other libraries.

Our own text contains no secrets, but botocore's can: its log has whole requests, its errors have invalid values, and AWS
repeats values that it rejects. So every secret that this process reads is registered, and redacted wherever such text is
shown, as is everything that looks like a private key or a credential. AWS may also return an attribute's previous secret
value, which this process has never read: attributes that are set from secrets are therefore registered by name.

Secrets are registered for the scope in which they were read (`redaction_scope`), or for the whole process outside of any. A
process that works for several tenants has a scope for each of their runs:

- Inside a scope, `redact` uses its secrets, those of the scopes around it, and those of the process. Elsewhere, for example in a handler for logs or in a
  thread that was started without the scope, it uses those of all open scopes: too much is hidden, never too little.
- The secrets of a scope are forgotten when it is closed, and their hashes too, so the memory of a process that lives for weeks does not
  grow.

Invariant: only code that does I/O registers anything (the loader, and the read of live state); constructors and pure
functions do not.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from html import escape
from urllib.parse import quote, quote_plus

REDACTED = "(sensitive)"

_PLAIN = re.compile(r"[A-Za-z0-9_.-]*")
"""A secret that has the same spelling everywhere, except in base64."""

_MIN_SECRET_CHARACTERS = 4
"""Shorter values are not redacted: they occur everywhere with other meanings."""

MIN_LINE_CHARACTERS = 16
"""Shorter lines of a secret are not redacted by themselves.

All lines of a private key in PEM are longer, except perhaps the last line of base64.
"""

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)

# The name of a credential, a separator, and its value: quoted, or up to the end of the line. In `"key": "Authorization", "value": "…"`, a
# second name is between them. In JSON inside JSON, backslashes precede the quotes.
_CREDENTIALS = re.compile(
    r"""
    (?P<key>
      (?i:authorization|oauthauthorizationurl|x-amz-security-token|x-amz-access-token|secretaccesskey|sessiontoken|s(?:as|s)l\.[\w.]+)
      \\*['"]?\s*[:=,]\s*
      (?:b?(?P<mark>\\*['"])\w+(?P=mark)\s*:\s*)?
      b?
    )
    (?:(?P<quote>\\*['"])(?:[^\\]|\\++.?)*?(?:(?P=quote)|\Z)|[^'"\\\r\n}]+)
    """,
    re.DOTALL | re.VERBOSE,
)

# A quoted attribute name or value in JSON or in the text of `repr`. In JSON inside JSON, backslashes precede the quotes.
_ATTRIBUTE_NAME = r"""b?(?P<mark>\\*['"])(?:{})(?P=mark)\s*:\s*"""
_ATTRIBUTE_VALUE = r"""b?(?P<quote>\\*['"])(?:[^\\]|\\++.?)*?(?:(?P=quote)|\Z)"""


class _Register:
    """The secrets and the attribute names of one scope, or of the process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: set[str] = set()
        self._spellings: tuple[str, ...] | None = ()
        self._attributes: frozenset[str] = frozenset()
        self.hashes: dict[tuple[str, bytes, int], str] = {}

    def add_secret(self, secret: str) -> None:
        if len(secret) >= _MIN_SECRET_CHARACTERS and secret not in self._secrets:
            with self._lock:
                self._secrets.add(secret)
                self._spellings = None

    def add_attributes(self, names: Collection[str]) -> None:
        if self._attributes.issuperset(names):
            return
        with self._lock:
            self._attributes = self._attributes.union(names)

    def redact_attributes(self, text: str) -> str:
        """Redact the values of the attributes that are set from secrets."""
        pattern = _compile_attributes(self._attributes)
        return pattern.sub(rf"\g<key>\g<quote>{REDACTED}\g<quote>", text) if pattern else text

    def list_spellings(self) -> tuple[str, ...]:
        """Return all spellings of all secrets, each before those that it contains."""
        with self._lock:
            if self._spellings is None:
                spellings = {spelling for secret in self._secrets for spelling in _spell(secret)}
                self._spellings = tuple(sorted(spellings, key=len, reverse=True))
            return self._spellings


@lru_cache(maxsize=16)
def _compile_attributes(names: frozenset[str]) -> re.Pattern[str] | None:
    """Compile the pattern of attributes when the first text is redacted: most runs redact none."""
    if not names:
        return None
    alternatives = "|".join(map(re.escape, sorted(names)))
    return re.compile(f"(?P<key>{_ATTRIBUTE_NAME.format(alternatives)}){_ATTRIBUTE_VALUE}", re.DOTALL)


_PROCESS_REGISTER = _Register()
_OPEN_SCOPES: set[_Register] = set()
_CURRENT_SCOPES: ContextVar[tuple[_Register, ...]] = ContextVar("redaction_scopes", default=())
"""The scope that code runs in, after those around it."""


@contextmanager
def redaction_scope() -> Iterator[None]:
    """Register the secrets that are read in this context for it alone, and forget them at its end."""
    register = _Register()
    _OPEN_SCOPES.add(register)
    token = _CURRENT_SCOPES.set((*_CURRENT_SCOPES.get(), register))
    try:
        yield
    finally:
        _CURRENT_SCOPES.reset(token)
        _OPEN_SCOPES.discard(register)


def _list_registers() -> list[_Register]:
    """Return the registers whose secrets are removed from a text of this context."""
    return [_PROCESS_REGISTER, *(_CURRENT_SCOPES.get() or tuple(_OPEN_SCOPES))]


def _get_register() -> _Register:
    """Return the register for what is read in this context."""
    return (_PROCESS_REGISTER, *_CURRENT_SCOPES.get())[-1]


def register_secret(secret: str) -> None:
    """Have `redact` remove this value from now on, in all its spellings."""
    _get_register().add_secret(secret)


def register_secret_attributes(names: Collection[str]) -> None:
    """Have `redact` remove the values of these attributes from now on, in JSON and in the text of `repr`."""
    _get_register().add_attributes(names)


def get_known_hashes() -> dict[tuple[str, bytes, int], str]:
    """Return the hashes of the secrets that are read in this context, by secret, salt and cost.

    They are kept because computing one is slow on purpose.
    """
    return _get_register().hashes


def redact_private_keys(text: str) -> str:
    """Return the text with every private key in PEM replaced, also one that is cut off at the end."""
    return _PRIVATE_KEY.sub(REDACTED, text)


def redact(text: str) -> str:
    """Return the text without secrets, private keys and credentials."""
    text = _CREDENTIALS.sub(_hide_credential, redact_private_keys(text))
    for register in _list_registers():
        text = register.redact_attributes(text)
        for spelling in register.list_spellings():
            if spelling in text:
                text = text.replace(spelling, REDACTED)
    return text


def _hide_credential(match: re.Match[str]) -> str:
    mark = match["quote"] or ""
    return f"{match['key']}{mark}{REDACTED}{mark}"


def _spell(secret: str) -> Iterator[str]:
    """Yield the spellings of a value in JSON, `repr`, URLs, XML and base64, and each of its long lines."""
    yield base64.b64encode(_encode(secret)).decode()
    spellings = {secret}
    if not _PLAIN.fullmatch(secret):
        for escape in _STAGES:
            spellings |= {escaped for spelling in spellings for escaped in escape(spelling)}
    yield from spellings
    for line in secret.splitlines():
        if len(line) >= MIN_LINE_CHARACTERS:
            yield line


def _encode(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _escape_as_repr(text: str) -> Iterator[str]:
    """Yield a text as `repr` shows it, which escapes single quotes only next to double quotes."""
    parts = text.split("'")
    for quote_mark in ("\\'", "'"):
        yield quote_mark.join(repr(part + "\"'")[1:-4] for part in parts)
        yield quote_mark.join(repr(_encode(part) + b"\"'")[2:-4] for part in parts)


def _escape_as_json(text: str) -> Iterator[str]:
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]


def _escape_as_body(text: str) -> Iterator[str]:
    """Yield a text inside the body of a request or a response: JSON, XML and the encodings of URLs."""
    yield from _escape_as_json(text)
    yield quote(_encode(text), safe="")
    yield quote(_encode(text))
    yield quote_plus(_encode(text))
    escaped = escape(text, quote=False)
    yield escaped
    yield escaped.replace('"', "&quot;")
    yield escape(text)


_STAGES: tuple[Callable[[str], Iterator[str]], ...] = (_escape_as_json, _escape_as_body, _escape_as_repr)
"""The spellings of a text that can be inside each other, from the inside out; each may be left out."""
