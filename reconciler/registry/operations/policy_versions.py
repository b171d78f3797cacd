"""Policy versions: the operations that create, get, list and delete them, or set the default.

Invariant: a policy has at most five versions and exactly one default; it never reuses a version ID.
"""

from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, not_found
from reconciler.registry.operations.policies import (
    build_policy_arn,
    insert_version,
    require_policy,
)
from reconciler.registry.policy_documents import require_document
from reconciler.registry.store import Row

MAX_VERSIONS = 5


@operation("iot", "CreatePolicyVersion")
def create_policy_version(context: Context, params: Params) -> Output | None:
    """Add a version to a policy, and make it the default with `setAsDefault`.

    The document of an existing version is accepted again.

    Raises ResourceNotFound, MalformedPolicy, VersionsLimitExceeded (409) for a 6th version.
    """
    policy = require_policy(context, params["policyName"])
    require_document(params["policyDocument"])
    if len(_read_versions(context, policy)) >= MAX_VERSIONS:
        raise ApiError(
            "VersionsLimitExceededException",
            f"The policy {policy['name']} already has the maximum number of versions ({MAX_VERSIONS})",
        )
    version = policy["last_version"] + 1
    is_default = bool(params.get("setAsDefault"))
    insert_version(context, policy["seq"], version, params["policyDocument"])
    context.tx.run(
        "UPDATE policies SET last_version = ?, default_version = ?, modified_at = ? WHERE seq = ?",
        version,
        version if is_default else policy["default_version"],
        context.now,
        policy["seq"],
    )
    return {
        "policyArn": build_policy_arn(context, policy["name"]),
        "policyDocument": params["policyDocument"],
        "policyVersionId": str(version),
        "isDefaultVersion": is_default,
    }


@operation("iot", "GetPolicyVersion")
def get_policy_version(context: Context, params: Params) -> Output | None:
    """Return everything about a version.

    A version never changes, except for whether it is the default.

    Raises ResourceNotFound.
    """
    policy = require_policy(context, params["policyName"])
    row = _require_version(context, policy, params["policyVersionId"])
    return {
        "policyArn": build_policy_arn(context, policy["name"]),
        "policyName": policy["name"],
        "policyDocument": row["document"],
        "policyVersionId": str(row["version"]),
        "isDefaultVersion": row["version"] == policy["default_version"],
        "creationDate": row["created_at"],
        "lastModifiedDate": row["created_at"],
        "generationId": row["generation_id"],
    }


@operation("iot", "ListPolicyVersions")
def list_policy_versions(context: Context, params: Params) -> Output | None:
    """Return all versions, newest first (the order is UNCONFIRMED). Raises ResourceNotFound."""
    policy = require_policy(context, params["policyName"])
    versions = [
        {
            "versionId": str(row["version"]),
            "isDefaultVersion": row["version"] == policy["default_version"],
            "createDate": row["created_at"],
        }
        for row in _read_versions(context, policy)
    ]
    return {"policyVersions": versions}


@operation("iot", "DeletePolicyVersion")
def delete_policy_version(context: Context, params: Params) -> Output | None:
    """Delete a version that is not the default; its ID is never reused.

    Raises ResourceNotFound, DeleteConflict (409) for the default version.
    """
    policy = require_policy(context, params["policyName"])
    row = _require_version(context, policy, params["policyVersionId"])
    if row["version"] == policy["default_version"]:
        raise ApiError("DeleteConflictException", "Cannot delete the default version of a policy")
    context.tx.run(
        "DELETE FROM policy_versions WHERE policy = ? AND version = ?", policy["seq"], row["version"]
    )
    context.tx.run("UPDATE policies SET modified_at = ? WHERE seq = ?", context.now, policy["seq"])
    return None


@operation("iot", "SetDefaultPolicyVersion")
def set_default_policy_version(context: Context, params: Params) -> Output | None:
    """Make a version the default; repeating the call succeeds. Raises ResourceNotFound."""
    policy = require_policy(context, params["policyName"])
    row = _require_version(context, policy, params["policyVersionId"])
    context.tx.run(
        "UPDATE policies SET default_version = ?, modified_at = ? WHERE seq = ?",
        row["version"],
        context.now,
        policy["seq"],
    )
    return None


def _read_versions(context: Context, policy: Row) -> list[Row]:
    return context.tx.fetch_all(
        "SELECT * FROM policy_versions WHERE policy = ? ORDER BY version DESC", policy["seq"]
    )


def _require_version(context: Context, policy: Row, version_id: str) -> Any:
    """Return the row of a version. Raises ResourceNotFound."""
    # Compared as strings, because an ID may have more digits than an integer of SQLite.
    for row in _read_versions(context, policy):
        if str(row["version"]) == version_id:
            return row
    raise not_found(f"Policy version not found (name={policy['name']}, version={version_id})")
