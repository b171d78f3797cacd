"""What of a call and of an error may be written down: what it is about, never what it carries.

A call is told by the parameters that are known to name things. That is a list of what may be told, and not of what may
not: a parameter that nobody thought of stays out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from reconciler.model.call import ApiCall
from reconciler.model.plan import Step
from reconciler.model.redaction import REDACTED
from reconciler.model.secret import walk_secrets

_NAMING = re.compile(r"(?:.*(?:Name|Id|Arn|Identifier)|arn|target|principal|roleAlias)", re.IGNORECASE)
_LONGEST_NAME = 200
_LONGEST_ERROR = 1000
_PRIVATE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_SHORTEST_LINE = 16
"""Lines of a longer secret are secrets themselves, where they are long enough to say anything."""


def naming_parameters(call: ApiCall) -> str:
    """What a call is about: `thingName=pump-1 principal=arn:…`."""
    told = (
        f"{name}={value[:_LONGEST_NAME]}"
        for name, value in call.params.items()
        if isinstance(value, str) and _NAMING.fullmatch(name) and "-----BEGIN" not in value
    )
    return " ".join(told)


def find_secrets(steps: Iterable[Step]) -> frozenset[str]:
    """Every text that the steps' calls carry and nobody may see, longer ones line by line too."""
    values: set[str] = set()
    for step in steps:
        for call in step.calls:
            values |= {secret.value for secret in walk_secrets(call.params) if secret.value}
    lines = {line for value in values for line in value.splitlines() if len(line) >= _SHORTEST_LINE}
    return frozenset(values | lines)


def redact_values(text: str, secrets: Collection[str]) -> str:
    """The text with every secret in it covered; what quotes a private key is cut at its head."""
    text = _PRIVATE.sub(REDACTED, text)
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return text[:_LONGEST_ERROR]
