"""Redact calls and errors for the journal.

The journal stores the names of a call's resources, but not their content. Only the parameters of a call that identify resources
are recorded. They are recognized by an allow-list of parameter names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cache

from reconciler.model.call import ApiCall
from reconciler.model.redaction import MIN_LINE_CHARACTERS, REDACTED, redact_private_keys
from reconciler.model.secret import Secret

_NAMING_PARAMETER = re.compile(
    r"(?:.*(?:Name|Id|Arn|Identifier)|arn|target|principal|roleAlias)", re.IGNORECASE
)
_MAX_NAME_CHARACTERS = 200
_MAX_ERROR_CHARACTERS = 1000


def format_naming_parameters(call: ApiCall) -> str:
    """Return the parameters of a call that identify resources: `thingName=pump-1 principal=arn:…`."""
    parameters = (
        f"{name}={value[:_MAX_NAME_CHARACTERS]}"
        for name, value in call.params.items()
        if isinstance(value, str) and _identifies_resource(name) and "-----BEGIN" not in value
    )
    return " ".join(parameters)


@cache
def _identifies_resource(parameter: str) -> bool:
    return _NAMING_PARAMETER.fullmatch(parameter) is not None


def list_secret_texts(secrets: Iterable[Secret]) -> frozenset[str]:
    """Return the values of secrets, and each long line of these values."""
    values = {secret.value for secret in secrets if secret.value}
    lines = {line for value in values for line in value.splitlines() if len(line) >= MIN_LINE_CHARACTERS}
    return frozenset(values | lines)


def redact_values(text: str, secrets: Collection[str]) -> str:
    """Return the text with every secret and private key replaced, and cut to a maximum length."""
    text = redact_private_keys(text)
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return text[:_MAX_ERROR_CHARACTERS]
