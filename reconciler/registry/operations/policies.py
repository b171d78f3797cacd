"""Policies: their tables, and CreatePolicy, GetPolicy, ListPolicies and DeletePolicy.

A policy consists of its versions, one of which is the default.
"""

import uuid

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, already_exists, not_found
from reconciler.registry.paging import MARKER_PAGER, order_by_seq
from reconciler.registry.policy_documents import require_document
from reconciler.registry.shared.policy_edges import is_policy_in_use
from reconciler.registry.shared.tagging import add_tags, allow_tags, delete_tags, parse_tag_list
from reconciler.registry.store import Row

SCHEMA = (
    """
    CREATE TABLE policies (
      seq INTEGER PRIMARY KEY,
      scope INTEGER NOT NULL,
      name TEXT NOT NULL,
      default_version INTEGER NOT NULL,
      last_version INTEGER NOT NULL,
      created_at REAL NOT NULL,
      modified_at REAL NOT NULL,
      UNIQUE (scope, name)
    )
    """,
    "CREATE INDEX policies_by_age ON policies (scope, seq)",
    """
    CREATE TABLE policy_versions (
      policy INTEGER NOT NULL REFERENCES policies (seq) ON DELETE CASCADE,
      version INTEGER NOT NULL,
      document TEXT NOT NULL,
      generation_id TEXT NOT NULL,
      created_at REAL NOT NULL,
      PRIMARY KEY (policy, version)
    ) WITHOUT ROWID
    """,
)


def find_policy(context: Context, name: str) -> Row | None:
    """Return the row of a policy, or None."""
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM policies WHERE scope = ? AND name = ?", context.scope, name
    )
    return row


def require_policy(context: Context, name: str) -> Row:
    """Return the row of a policy. Raises ResourceNotFound."""
    row = find_policy(context, name)
    if row is None:
        raise not_found(f"Policy not found (name={name})")
    return row


def build_policy_arn(context: Context, name: str) -> str:
    """Return the ARN of a policy of this account and Region."""
    return context.build_arn(f"policy/{name}")


def to_policy_item(context: Context, row: Row) -> dict[str, str]:
    """Return the item that represents a policy in list outputs."""
    return {"policyName": row["name"], "policyArn": build_policy_arn(context, row["name"])}


def insert_version(context: Context, policy: int, version: int, document: str) -> None:
    """Insert a version with a document that has been checked."""
    context.tx.run(
        "INSERT INTO policy_versions (policy, version, document, generation_id, created_at) VALUES (?, ?, ?, ?, ?)",
        policy,
        version,
        document,
        str(uuid.uuid4()),
        context.now,
    )


@allow_tags("iot", "policy")
def policy_exists(context: Context, name: str) -> bool:
    """Return whether the policy exists."""
    return find_policy(context, name) is not None


@operation("iot", "CreatePolicy")
def create_policy(context: Context, params: Params) -> Output | None:
    """Create a policy with version 1 as its default.

    Repeating the call fails, even with the same document.

    Raises MalformedPolicy, ResourceAlreadyExists (409), InvalidRequest for invalid tags.
    """
    name, document = params["policyName"], params["policyDocument"]
    arn, tags = build_policy_arn(context, name), parse_tag_list(context, params.get("tags", []))
    if find_policy(context, name) is not None:
        raise already_exists(
            f"Policy cannot be created - name already exists (name={name})",
            resource_id=name,
            resource_arn=arn,
        )
    require_document(document)
    context.tx.run(
        "INSERT INTO policies (scope, name, default_version, last_version, created_at, modified_at)"
        " VALUES (?, ?, 1, 1, ?, ?)",
        context.scope,
        name,
        context.now,
        context.now,
    )
    insert_version(context, require_policy(context, name)["seq"], 1, document)
    add_tags(context, arn, tags)
    return {"policyName": name, "policyArn": arn, "policyDocument": document, "policyVersionId": "1"}


@operation("iot", "GetPolicy")
def get_policy(context: Context, params: Params) -> Output | None:
    """Return a policy with the document of its default version. Raises ResourceNotFound."""
    row = require_policy(context, params["policyName"])
    default_version = context.tx.fetch_one(
        "SELECT * FROM policy_versions WHERE policy = ? AND version = ?", row["seq"], row["default_version"]
    )
    return {
        **to_policy_item(context, row),
        "policyDocument": default_version["document"],
        "defaultVersionId": str(row["default_version"]),
        "creationDate": row["created_at"],
        "lastModifiedDate": row["modified_at"],
        "generationId": default_version["generation_id"],
    }


@operation("iot", "ListPolicies")
def list_policies(context: Context, params: Params) -> Output | None:
    """Return the policies by age, newest first unless `ascendingOrder`.

    Raises InvalidRequest for an invalid marker.
    """
    page = MARKER_PAGER.start_page(context, params)
    order, sign, after = order_by_seq(page, params)
    rows = context.tx.fetch_all(
        f"SELECT seq, name FROM policies WHERE scope = ? AND seq {sign} ? ORDER BY seq {order} LIMIT ?",  # noqa: S608
        context.scope,
        after,
        page.limit,
    )
    return page.build_output(
        "policies", rows, key=lambda row: (row["seq"],), item=lambda row: to_policy_item(context, row)
    )


@operation("iot", "DeletePolicy")
def delete_policy(context: Context, params: Params) -> Output | None:
    """Delete a policy that has only its default version and is not attached.

    Raises ResourceNotFound; DeleteConflict (409) if it has other versions, is attached, or was detached within the last
    `detach_lag_seconds`.
    """
    row = require_policy(context, params["policyName"])
    if is_policy_in_use(context, row["seq"]):
        raise _delete_conflict(
            "The policy cannot be deleted as the policy is attached to one or more principals", row
        )
    count_row = context.tx.fetch_one(
        "SELECT count(*) AS number FROM policy_versions WHERE policy = ?", row["seq"]
    )
    if count_row["number"] > 1:
        raise _delete_conflict(
            "Cannot delete the policy because it has one or more policy versions attached to it", row
        )
    # ON DELETE CASCADE deletes its version and its detached edges.
    context.tx.run("DELETE FROM policies WHERE seq = ?", row["seq"])
    delete_tags(context, build_policy_arn(context, row["name"]))
    return None


def _delete_conflict(reason: str, row: Row) -> ApiError:
    return ApiError("DeleteConflictException", f"{reason} (name={row['name']})")
