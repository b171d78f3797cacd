"""Takes secrets out of text that others wrote: exceptions, tracebacks, the records of other people's loggers.

What we write ourselves holds no secret. What botocore writes may: its log has whole requests, its errors have wrong values, and
AWS repeats what it refuses. So every secret that this process has read is remembered, and taken out wherever such text is
shown; and with it what looks like a private key or a credential, whosever it is. Of an attribute that a secret fills AWS
may answer a value that this process has never read, the one before: such attributes are known by their names.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Collection, Iterator
from urllib.parse import quote

REDACTED = "(sensitive)"

_SHORTEST = 4
"""Characters of a value that is looked for: of anything shorter the text is full, whatever it means."""

_LONG_LINE = 16
"""Characters of a line that tells something by itself, as those of a private key in PEM do."""

_PRIVATE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_CREDENTIALS = re.compile(
    r"(?i)((?:authorization|x-amz-security-token|x-amz-access-token|secretaccesskey|sessiontoken)\\?['\"]?\s*[:=,]\s*b?\\?['\"]?)"
    r"[^'\"\\\r\n}]+"
)

_KEY = r"""b?(?P<mark>\\*['"])(?:{})(?P=mark)\s*:\s*"""
_VALUE = r"""b?(?P<quote>\\*['"])(?:[^\\]|\\++.?)*?(?:(?P=quote)|\Z)"""

_lock = threading.Lock()
_known: set[str] = set()
_forms: tuple[str, ...] = ()
_keys: frozenset[str] = frozenset()
_concealed: re.Pattern[str] | None = None


def register_secret(secret: str) -> None:
    """From now on `redacted` takes this value out, in whatever form it is written."""
    global _forms  # noqa: PLW0603 (a process knows what it has read, whoever asks)
    if len(secret) >= _SHORTEST and secret not in _known:
        with _lock:
            _known.add(secret)
            _forms = ()


def register_sensitive_keys(keys: Collection[str]) -> None:
    """From now on `redacted` takes out whatever text stands behind one of these keys, in JSON or as `repr` writes it."""
    global _concealed, _keys  # noqa: PLW0603 (as above)
    if not _keys.issuperset(keys):
        with _lock:
            _keys = _keys.union(keys)
            _concealed = re.compile(
                f"(?P<key>{_KEY.format('|'.join(map(re.escape, sorted(_keys))))}){_VALUE}", re.DOTALL
            )


def sensitive_keys() -> frozenset[str]:
    """The keys that were named so far."""
    return _keys


def redact(text: str) -> str:
    """The text without what is secret."""
    text = _CREDENTIALS.sub(rf"\1{REDACTED}", _PRIVATE.sub(REDACTED, text))
    if _concealed:
        text = _concealed.sub(rf"\g<key>\g<quote>{REDACTED}\g<quote>", text)
    for form in _all_forms():
        if form in text:
            text = text.replace(form, REDACTED)
    return text


def _all_forms() -> tuple[str, ...]:
    global _forms  # noqa: PLW0603
    with _lock:
        if not _forms and _known:
            found = {form for secret in _known for form in _written(secret)}
            _forms = tuple(sorted(found, key=len, reverse=True))  # what contains another goes first
        return _forms


def _written(secret: str) -> Iterator[str]:
    """A value as it is, and as JSON, `repr`, URLs and base64 write it; of several lines, each."""
    raw = secret.encode(errors="surrogatepass")
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield repr(raw)[2:-1]
    yield quote(raw, safe="")
    yield base64.b64encode(raw).decode()
    for line in secret.splitlines():
        if len(line) >= _LONG_LINE:
            yield line
