"""Redact calls and errors for the journal: it stores which resources a call concerns, never its content.

A call is recorded with the parameters that are known to be names. This is an allow-list, so that a parameter that is not on it stays
out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from reconciler.model.call import ApiCall
from reconciler.model.plan import Step
from reconciler.model.redaction import REDACTED
from reconciler.model.secret import walk_secrets

_NAMING_PARAMETER = re.compile(
    r"(?:.*(?:Name|Id|Arn|Identifier)|arn|target|principal|roleAlias)", re.IGNORECASE
)
_MAX_NAME = 200
_MAX_ERROR = 1000
_PRIVATE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_MIN_LINE = 16
"""Lines of a longer secret are secrets themselves if they have at least this many characters."""


def naming_parameters(call: ApiCall) -> str:
    """Return the naming parameters of a call: `thingName=pump-1 principal=arn:…`."""
    parameters = (
        f"{name}={value[:_MAX_NAME]}"
        for name, value in call.params.items()
        if isinstance(value, str) and _NAMING_PARAMETER.fullmatch(name) and "-----BEGIN" not in value
    )
    return " ".join(parameters)


def find_secrets(steps: Iterable[Step]) -> frozenset[str]:
    """Return all secret texts in the steps' calls, and the lines of the longer ones."""
    values: set[str] = set()
    for step in steps:
        for call in step.calls:
            values |= {secret.value for secret in walk_secrets(call.params) if secret.value}
    lines = {line for value in values for line in value.splitlines() if len(line) >= _MIN_LINE}
    return frozenset(values | lines)


def redact_values(text: str, secrets: Collection[str]) -> str:
    """Return the text with every secret and private key replaced, and cut to a maximum length."""
    text = _PRIVATE.sub(REDACTED, text)
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return text[:_MAX_ERROR]
