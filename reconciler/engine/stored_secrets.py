"""Read the secrets that AWS stores: parameters of Systems Manager, and secrets of Secrets Manager.

Each is read once, in bulk as far as the caller's permissions allow. A secret that cannot be read has a problem in place of a value.

Source: AWS Systems Manager API reference, GetParameters; AWS Secrets Manager API reference, BatchGetSecretValue and GetSecretValue.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from reconciler.engine.threads import ContextThreadPool
from reconciler.kinds.base.tags import CERTIFICATE_TAG, OWNER_TAG, from_tag_list
from reconciler.model.call import ApiCall, Call
from reconciler.model.errors import AwsError
from reconciler.model.redaction import register_secret, register_secret_attributes
from reconciler.model.secret import KeySecret, Secret, StoredSecret
from reconciler.model.text import quote

_MAX_PARAMETERS = 10
"""The names that GetParameters takes."""
_MAX_SECRETS = 20
"""The IDs that BatchGetSecretValue takes."""
_MAX_CONCURRENT_READS = 16

_SECRET_MEMBERS = ("SecretString", "SecretBinary", "Value")
"""The members of responses that have secrets; no log shows them."""

_DENIED_CODES = frozenset({"AccessDenied", "AccessDeniedException"})
_NO_SECRET_CODES = frozenset({"ResourceNotFoundException", "ParameterNotFound", "ParameterVersionNotFound"})
_OWN_CODES = frozenset(
    {
        "DecryptionFailure",
        "InvalidKeyId",
        "InvalidParameterException",
        "InvalidRequestException",
        "ValidationException",
    }
)
"""The codes of errors that are about one secret; any other error is about all of them."""

_ACTIONS = {"ssm": "ssm:GetParameters", "secretsmanager": "secretsmanager:GetSecretValue"}


class _UnreadableError(Exception):
    """A secret cannot be read; the text is the problem and what to do."""


_Value = str | _UnreadableError


def read_stored_secrets(
    stored_secrets: Collection[StoredSecret], call: Call
) -> Mapping[StoredSecret, Secret]:
    """Return the secrets with their values or their problems.

    Raises AwsError and TargetError for errors that are not about one of them.
    """
    register_secret_attributes(_SECRET_MEMBERS)
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for stored in stored_secrets:
        ids[stored.service].add(stored.id)
    values = {
        "ssm": _read_parameters(sorted(ids["ssm"]), call),
        "secretsmanager": _read_secrets(sorted(ids["secretsmanager"]), call),
    }
    return {stored: _build_secret(stored, values[stored.service][stored.id]) for stored in stored_secrets}


def describe_key_secrets(names: Collection[str], workspace: str, call: Call) -> Mapping[str, KeySecret]:
    """Return the secrets for private keys, without their values.

    Raises AwsError and TargetError as `read_stored_secrets`.
    """
    ordered = sorted(names)
    with ContextThreadPool(_MAX_CONCURRENT_READS) as pool:
        return dict(
            zip(
                ordered,
                pool.map(lambda name: _describe_key_secret(name, workspace, call), ordered),
                strict=True,
            )
        )


def _describe_key_secret(name: str, workspace: str, call: Call) -> KeySecret:
    request = ApiCall("secretsmanager", "DescribeSecret", {"SecretId": name}, idempotent=True)
    try:
        response = call(request)
    except AwsError as error:
        if error.code in _NO_SECRET_CODES:
            return KeySecret(name)
        return KeySecret(
            name, problem=str(_explain(error, "secretsmanager", name, "secretsmanager:DescribeSecret"))
        )
    if "DeletedDate" in response:
        problem = f"the secret {name} is scheduled for deletion; restore it, or choose another name"
        return KeySecret(name, problem=problem)
    tags = from_tag_list(response.get("Tags", ()))
    is_own = tags.get(OWNER_TAG) == workspace
    return KeySecret(name, exists=True, certificate_id=tags.get(CERTIFICATE_TAG, "") if is_own else "")


def find_region(secret_id: str) -> str:
    """Return the Region in the ARN of a secret; empty for a name, which needs none."""
    return secret_id.split(":")[3] if secret_id.startswith("arn:") else ""


def _build_secret(stored: StoredSecret, value: _Value) -> Secret:
    try:
        return Secret(str(stored), _select_value(stored, value))
    except _UnreadableError as error:
        return Secret(str(stored), problem=str(error))


def _select_value(stored: StoredSecret, value: _Value) -> str:
    """Return the value of a secret or its member, registered for redaction, without a trailing newline."""
    if isinstance(value, _UnreadableError):
        raise value
    if stored.key:
        value = _select_member(stored, value)
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise _UnreadableError(f"{stored} is empty; store a value")
    register_secret(value)
    return value


def _select_member(stored: StoredSecret, text: str) -> str:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):  # not JSON, or nested too deeply
        document = None
    source = f"{stored.service} {stored.id}"
    if not isinstance(document, dict):
        raise _UnreadableError(f"{source} is not a JSON object; leave out key, or store an object")
    if stored.key not in document:
        raise _UnreadableError(f"{source} has no member {quote(stored.key)}; correct key, or add the member")
    member = document[stored.key]
    if not isinstance(member, str):
        raise _UnreadableError(f"the member {quote(stored.key)} of {source} is not a string; store it as one")
    return member


# ── parameters ──


def _read_parameters(names: Sequence[str], call: Call) -> dict[str, _Value]:
    values: dict[str, _Value] = {}
    for batch in _split(names, _MAX_PARAMETERS):
        values |= _read_batch_of_parameters(batch, call)
    return values


def _read_batch_of_parameters(names: Sequence[str], call: Call) -> dict[str, _Value]:
    request = ApiCall("ssm", "GetParameters", {"Names": list(names), "WithDecryption": True}, idempotent=True)
    try:
        response = call(request)
    except AwsError as error:
        if len(names) == 1:
            return {names[0]: _explain(error, "ssm", names[0])}
        if error.code not in _DENIED_CODES | _OWN_CODES:
            raise
        # One of them is the reason; AWS does not return which.
        values: dict[str, _Value] = {}
        for name in names:
            values |= _read_batch_of_parameters([name], call)
        return values
    parameters = {
        parameter["Name"] + parameter.get("Selector", ""): parameter for parameter in response["Parameters"]
    }
    return {name: _get_parameter_value(name, parameters.get(name)) for name in names}


def _get_parameter_value(name: str, parameter: Mapping[str, Any] | None) -> _Value:
    if parameter is None:
        return _UnreadableError(f"there is no parameter {name}; create it, or correct its name")
    if parameter["Type"] == "StringList":
        return _UnreadableError(f"the parameter {name} is a StringList; store a String or a SecureString")
    return str(parameter["Value"])


# ── secrets ──


def _read_secrets(ids: Sequence[str], call: Call) -> dict[str, _Value]:
    ids_by_region: defaultdict[str, list[str]] = defaultdict(list)
    for identifier in ids:
        ids_by_region[find_region(identifier)].append(identifier)
    values: dict[str, _Value] = {}
    for region, region_ids in ids_by_region.items():
        for batch in _split(region_ids, _MAX_SECRETS):
            values |= _read_batch_of_secrets(batch, region, call)
    missing = [identifier for identifier in ids if identifier not in values]
    with ContextThreadPool(_MAX_CONCURRENT_READS) as pool:
        values |= zip(
            missing, pool.map(lambda identifier: _read_secret(identifier, call), missing), strict=True
        )
    return values


def _read_batch_of_secrets(ids: Sequence[str], region: str, call: Call) -> dict[str, _Value]:
    """Return the values that one call returns: none if the principal may not send it."""
    if len(ids) == 1:
        return {}
    params = {"SecretIdList": list(ids)}
    request = ApiCall("secretsmanager", "BatchGetSecretValue", params, region=region, idempotent=True)
    try:
        response = call(request)
    except AwsError:  # the single reads find the reason, if it matters to them
        return {}
    values: dict[str, _Value] = {}
    for secret in response.get("SecretValues", ()):
        names = {secret["Name"], secret["ARN"], secret["ARN"].rpartition("-")[0]}
        values |= {identifier: _get_text(identifier, secret) for identifier in names.intersection(ids)}
    return values


def _read_secret(identifier: str, call: Call) -> _Value:
    params, region = {"SecretId": identifier}, find_region(identifier)
    request = ApiCall("secretsmanager", "GetSecretValue", params, region=region, idempotent=True)
    try:
        return _get_text(identifier, call(request))
    except AwsError as error:
        return _explain(error, "secretsmanager", identifier)


def _get_text(identifier: str, secret: Mapping[str, Any]) -> _Value:
    if "SecretString" not in secret:
        return _UnreadableError(f"the secret {identifier} is binary; store it as text")
    return str(secret["SecretString"])


# ── errors ──


def _explain(error: AwsError, service: str, identifier: str, action: str = "") -> _UnreadableError:
    """Return the problem of one secret. Raises errors about all of them, such as expired credentials."""
    noun = "parameter" if service == "ssm" else "secret"
    if error.code in _NO_SECRET_CODES:
        return _UnreadableError(f"there is no {noun} {identifier}; create it, or correct its name")
    if error.code in _DENIED_CODES:
        return _UnreadableError(
            f"access to the {noun} {identifier} is denied; allow {action or _ACTIONS[service]} for it, and kms:Decrypt for a key of your own: "
            "`reconciler permissions` prints the policy"
        )
    if error.code in _OWN_CODES:
        return _UnreadableError(f"the {noun} {identifier} cannot be read: {error.code}: {error.message}")
    raise error


def _split(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
