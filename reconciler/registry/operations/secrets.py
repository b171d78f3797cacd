"""Secrets of Secrets Manager: the operations that write, read, tag, delete and restore them.

A secret has versions, and staging labels that each are at one version. A version without a label is deleted at once, where AWS deletes it
later. Replicas, rotation and KMS keys have no effect.
"""

import re
import secrets
import string
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.paging import Pager
from reconciler.registry.shared.secret_filters import SecretAttributes
from reconciler.registry.shared.tagging import add_tags, delete_tags, parse_tag_list, read_tags, remove_tags
from reconciler.registry.store import Row

SERVICE = "secretsmanager"

SCHEMA = (
    """
    CREATE TABLE stored_secrets (
      scope INTEGER NOT NULL,
      name TEXT NOT NULL,
      suffix TEXT NOT NULL,
      description TEXT,
      key_id TEXT,
      created_at REAL NOT NULL,
      changed_at REAL NOT NULL,
      deleted_at REAL,
      PRIMARY KEY (scope, name)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE stored_secret_versions (
      scope INTEGER NOT NULL,
      name TEXT NOT NULL,
      id TEXT NOT NULL,
      text TEXT,
      bytes BLOB,
      stages TEXT NOT NULL,
      created_at REAL NOT NULL,
      PRIMARY KEY (scope, name, id)
    ) WITHOUT ROWID
    """,
)

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]+")
_SUFFIX_LENGTH = 6
_DAY_SECONDS = 86_400
# API reference, DeleteSecret: the days for which a deleted secret can be restored.
MIN_RECOVERY_DAYS, MAX_RECOVERY_DAYS = 7, 30
_BATCH_PAGER = Pager("NextToken", "NextToken", "MaxResults", default_size=20)


@operation(SERVICE, "CreateSecret")
def create_secret(context: Context, params: Params) -> Output | None:
    """Create a secret, with a value if the request has one.

    Repeating the call with the same token and value has no effect.

    Raises ResourceExistsException, InvalidRequestException if a secret of that name is scheduled for deletion.
    """
    name = params["Name"]
    if _NAME.fullmatch(name) is None:
        message = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
        raise context.invalid(message)
    existing = _find(context, name)
    if existing is not None:
        if existing["deleted_at"] is not None:
            raise ApiError(
                "InvalidRequestException",
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            )
        if not _is_repeated(context, name, params):
            message = f"The operation failed because the secret {name} already exists."
            raise ApiError("ResourceExistsException", message)
        return _to_output(context, existing, params["ClientRequestToken"])
    _delete_expired(context, name)
    context.tx.run(
        "INSERT INTO stored_secrets (scope, name, suffix, description, key_id, created_at, changed_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        context.scope,
        name,
        "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(_SUFFIX_LENGTH)),
        params.get("Description"),
        params.get("KmsKeyId"),
        context.now,
        context.now,
    )
    created = _require(context, name)
    add_tags(context, _build_arn(context, created), parse_tag_list(context, params.get("Tags", [])))
    version = _add_version(context, name, params, [CURRENT]) if _has_value(params) else None
    return _to_output(context, created, version)


@operation(SERVICE, "PutSecretValue")
def put_secret_value(context: Context, params: Params) -> Output | None:
    """Add a version to a secret; repeating the call with the same token and value has no effect.

    Raises ResourceNotFoundException, ResourceExistsException for a token that was used with another value, InvalidRequestException for
    a secret that is scheduled for deletion, InvalidParameterException without a value.
    """
    row = _require_usable(context, params["SecretId"])
    if not _has_value(params):
        raise ApiError("InvalidParameterException", "You must provide either SecretString or SecretBinary.")
    stages = params.get("VersionStages", [CURRENT])
    token = params.get("ClientRequestToken")
    if token and _find_version(context, row["name"], token):
        if not _is_repeated(context, row["name"], params):
            message = "You can't use ClientRequestToken because that value is already in use for a version of this secret."
            raise ApiError("ResourceExistsException", message)
    else:
        token = _add_version(context, row["name"], params, stages)
    return {**_to_output(context, row, token), "VersionStages": stages}


@operation(SERVICE, "GetSecretValue", writes=False)
def get_secret_value(context: Context, params: Params) -> Output | None:
    """Return a version of a secret: the current one, or the one of `VersionId` or `VersionStage`.

    Raises ResourceNotFoundException, InvalidRequestException for a secret that is scheduled for deletion.
    """
    return _read_value(context, params)


@operation(SERVICE, "BatchGetSecretValue", writes=False)
def batch_get_secret_value(context: Context, params: Params) -> Output | None:
    """Return the current values of up to 20 secrets, which a list or filters select.

    `Errors` has why others cannot be returned.

    Raises InvalidParameterException without a list and filters, with both, or for pages of a list, InvalidNextTokenException.
    """
    is_paged = "MaxResults" in params or "NextToken" in params
    if ("Filters" in params) == ("SecretIdList" in params) or (is_paged and "Filters" not in params):
        message = (
            "Either SecretIdList, or Filters with an optional MaxResults and NextToken, must be specified."
        )
        raise ApiError("InvalidParameterException", message)  # UNCONFIRMED: the message
    if "SecretIdList" in params:
        return _read_values(context, params["SecretIdList"])
    page = _BATCH_PAGER.start_page(evolve(context, invalid_code="InvalidNextTokenException"), params)
    names = _list_names(context, params["Filters"], page.after[0] if page.after else "")
    output = page.build_output("names", names[: page.limit], lambda name: (name,), str)
    return {**_read_values(context, output.pop("names")), **output}


def _list_names(context: Context, filters: Sequence[Mapping[str, Any]], after: str) -> list[str]:
    """Return the names of the usable secrets that match filters, in order, without those up to `after`."""
    rows = context.tx.fetch_all(
        "SELECT * FROM stored_secrets WHERE scope = ? AND name > ? AND deleted_at IS NULL ORDER BY name",
        context.scope,
        after,
    )
    return [row["name"] for row in rows if _get_attributes(context, row).match(filters)]


def _get_attributes(context: Context, row: Row) -> SecretAttributes:
    return SecretAttributes(
        row["name"], row["description"] or "", read_tags(context, _build_arn(context, row))
    )


def _read_values(context: Context, identifiers: Sequence[str]) -> Output:
    """Return the current values of secrets, and the errors of those that cannot be returned."""
    values, errors = [], []
    for identifier in identifiers:
        try:
            values.append(_read_value(context, {"SecretId": identifier}))
        except ApiError as error:
            errors.append({"SecretId": identifier, "ErrorCode": error.code, "Message": error.message})
    return {"SecretValues": values, "Errors": errors}


@operation(SERVICE, "DescribeSecret", writes=False)
def describe_secret(context: Context, params: Params) -> Output | None:
    """Return everything about a secret except its value. Raises ResourceNotFoundException."""
    row = _require(context, params["SecretId"])
    tags = read_tags(context, _build_arn(context, row))
    return {
        "ARN": _build_arn(context, row),
        "Name": row["name"],
        "Description": row["description"],
        "KmsKeyId": row["key_id"],
        "CreatedDate": row["created_at"],
        "LastChangedDate": row["changed_at"],
        "DeletedDate": row["deleted_at"],
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()] or None,
        "VersionIdsToStages": {
            version["id"]: version["stages"].split() for version in _list_versions(context, row["name"])
        },
    }


@operation(SERVICE, "DeleteSecret")
def delete_secret(context: Context, params: Params) -> Output | None:
    """Schedule the deletion of a secret or, with `ForceDeleteWithoutRecovery`, delete it at once.

    Raises ResourceNotFoundException; a forced deletion of a missing secret succeeds (API reference, DeleteSecret).
    """
    is_forced, days = params.get("ForceDeleteWithoutRecovery"), params.get("RecoveryWindowInDays")
    if is_forced and days is not None:
        message = "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
        raise ApiError("InvalidParameterException", message)
    if days is not None and not MIN_RECOVERY_DAYS <= days <= MAX_RECOVERY_DAYS:
        message = "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."
        raise ApiError("InvalidParameterException", message)
    row = _find(context, params["SecretId"])
    if row is None and is_forced:
        arn = context.build_arn(f"secret:{params['SecretId']}")
        return {"ARN": arn, "Name": params["SecretId"], "DeletionDate": context.now}
    row = row if row is not None and is_forced else _require_usable(context, params["SecretId"])
    deleted_at = context.now if is_forced else context.now + (days or MAX_RECOVERY_DAYS) * _DAY_SECONDS
    if is_forced:
        _delete(context, row)
    else:
        context.tx.run(
            "UPDATE stored_secrets SET deleted_at = ? WHERE scope = ? AND name = ?",
            deleted_at,
            context.scope,
            row["name"],
        )
    return {"ARN": _build_arn(context, row), "Name": row["name"], "DeletionDate": deleted_at}


@operation(SERVICE, "RestoreSecret")
def restore_secret(context: Context, params: Params) -> Output | None:
    """Cancel the scheduled deletion of a secret; without one, it has no effect (UNCONFIRMED).

    Raises ResourceNotFoundException.
    """
    row = _require(context, params["SecretId"])
    context.tx.run(
        "UPDATE stored_secrets SET deleted_at = NULL WHERE scope = ? AND name = ?", context.scope, row["name"]
    )
    return {"ARN": _build_arn(context, row), "Name": row["name"]}


@operation(SERVICE, "TagResource")
def tag_resource(context: Context, params: Params) -> Output | None:
    """Add tags or change their values.

    Raises ResourceNotFoundException, InvalidRequestException for a secret that is scheduled for deletion, InvalidParameterException for
    a duplicate or reserved key, and for more than 50 tags.
    """
    row = _require_usable(context, params["SecretId"])
    add_tags(context, _build_arn(context, row), parse_tag_list(context, params["Tags"]))
    return None


@operation(SERVICE, "UntagResource")
def untag_resource(context: Context, params: Params) -> Output | None:
    """Remove tags; a missing key is not an error.

    Raises ResourceNotFoundException, InvalidRequestException for a secret that is scheduled for deletion.
    """
    row = _require_usable(context, params["SecretId"])
    remove_tags(context, _build_arn(context, row), params["TagKeys"])
    return None


def _find(context: Context, identifier: str) -> Row | None:
    """Return the row of a secret, or None.

    The identifier is its name, or its ARN with or without the random suffix.
    """
    prefix = context.build_arn("secret:")
    if identifier.startswith("arn:") and not identifier.startswith(prefix):
        return None
    name = identifier.removeprefix(prefix)
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM stored_secrets WHERE scope = ? AND (name = ? OR (? AND name || '-' || suffix = ?)) "
        "AND (deleted_at IS NULL OR deleted_at > ?)",
        context.scope,
        name,
        identifier != name,
        name,
        context.now,
    )
    return row


def _require(context: Context, identifier: str) -> Row:
    row = _find(context, identifier)
    if row is None:
        message = "Secrets Manager can't find the specified secret."
        raise ApiError("ResourceNotFoundException", message)
    return row


def _require_usable(context: Context, identifier: str) -> Row:
    row = _require(context, identifier)
    if row["deleted_at"] is not None:
        message = (
            "You can't perform this operation on the secret because it was marked for deletion."
            if context.operation == "GetSecretValue"
            else "An error occurred: you can't perform this operation on a secret that is scheduled for deletion."
        )
        raise ApiError("InvalidRequestException", message)
    return row


def _has_value(params: Params) -> bool:
    """Return whether a request has a value. Raises InvalidParameterException if it has two."""
    if "SecretString" in params and "SecretBinary" in params:
        message = "You can't specify both a binary secret value and a string secret value in the same secret."
        raise ApiError("InvalidParameterException", message)
    return "SecretString" in params or "SecretBinary" in params


def _is_repeated(context: Context, name: str, params: Params) -> bool:
    """Return whether an earlier request had the same token and the same value."""
    version = _find_version(context, name, params.get("ClientRequestToken", ""))
    value = params.get("SecretString"), params.get("SecretBinary")
    return version is not None and value == (version["text"], version["bytes"])


def _add_version(context: Context, name: str, params: Params, stages: list[str]) -> str:
    """Store a version, move the stages to it, and return its ID."""
    version_id = str(params.get("ClientRequestToken", secrets.token_hex(16)))
    for version in _list_versions(context, name):
        kept = [stage for stage in version["stages"].split() if stage not in stages]
        if CURRENT in stages:
            was_current = CURRENT in version["stages"].split()
            kept = [stage for stage in kept if stage != PREVIOUS] + [PREVIOUS] * was_current
        context.tx.run(
            "UPDATE stored_secret_versions SET stages = ? WHERE scope = ? AND name = ? AND id = ?",
            " ".join(kept),
            context.scope,
            name,
            version["id"],
        )
    context.tx.run(
        "DELETE FROM stored_secret_versions WHERE scope = ? AND name = ? AND stages = ''", context.scope, name
    )
    context.tx.run(
        "INSERT INTO stored_secret_versions (scope, name, id, text, bytes, stages, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        context.scope,
        name,
        version_id,
        params.get("SecretString"),
        params.get("SecretBinary"),
        " ".join(stages),
        context.now,
    )
    context.tx.run(
        "UPDATE stored_secrets SET changed_at = ? WHERE scope = ? AND name = ?",
        context.now,
        context.scope,
        name,
    )
    return version_id


def _read_value(context: Context, params: Params) -> dict[str, Any]:
    row = _require_usable(context, params["SecretId"])
    stage, version_id = params.get("VersionStage"), params.get("VersionId")
    if version_id is None and stage is None:
        stage = CURRENT
    for version in _list_versions(context, row["name"]):
        stages = version["stages"].split()
        if version_id in {None, version["id"]} and (stage is None or stage in stages):
            return {
                **_to_output(context, row, version["id"]),
                "SecretString": version["text"],
                "SecretBinary": version["bytes"],
                "VersionStages": stages,
                "CreatedDate": version["created_at"],
            }
    selector = f"VersionId: {version_id}" if version_id else f"staging label: {stage}"
    message = f"Secrets Manager can't find the specified secret value for {selector}"
    raise ApiError("ResourceNotFoundException", message)


def _find_version(context: Context, name: str, version_id: str) -> Row | None:
    versions = _list_versions(context, name)
    return next((version for version in versions if version["id"] == version_id), None)


def _list_versions(context: Context, name: str) -> list[Row]:
    return context.tx.fetch_all(
        "SELECT * FROM stored_secret_versions WHERE scope = ? AND name = ? ORDER BY created_at, id",
        context.scope,
        name,
    )


def _delete_expired(context: Context, name: str) -> None:
    """Delete a secret of this name whose time for a recovery is over."""
    row = context.tx.fetch_one(
        "SELECT * FROM stored_secrets WHERE scope = ? AND name = ?", context.scope, name
    )
    if row is not None:
        _delete(context, row)


def _delete(context: Context, row: Row) -> None:
    for table in ("stored_secret_versions", "stored_secrets"):
        context.tx.run(f"DELETE FROM {table} WHERE scope = ? AND name = ?", context.scope, row["name"])  # noqa: S608
    delete_tags(context, _build_arn(context, row))


def _build_arn(context: Context, row: Row) -> str:
    return context.build_arn(f"secret:{row['name']}-{row['suffix']}")


def _to_output(context: Context, row: Row, version_id: str | None) -> dict[str, Any]:
    return {"ARN": _build_arn(context, row), "Name": row["name"], "VersionId": version_id}
