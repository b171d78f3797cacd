"""Billing groups: their table, and the operations that create, describe, list, update and delete them.

A thing is in at most one billing group, which is stored with the thing. `members_until` is the time until which a removed thing
still blocks the group's deletion; it is null if none was removed.
"""

import uuid

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import already_exists, not_found, version_conflict
from reconciler.registry.paging import REGISTRY_PAGER
from reconciler.registry.shared.tagging import add_tags, allow_tags, delete_tags, parse_tag_list, read_tags
from reconciler.registry.store import Row, build_prefix_end

SCHEMA = (
    """
    CREATE TABLE billing_groups (
      seq INTEGER PRIMARY KEY,
      scope INTEGER NOT NULL,
      name TEXT NOT NULL,
      id TEXT NOT NULL,
      description TEXT,
      version INTEGER NOT NULL,
      created_at REAL NOT NULL,
      UNIQUE (scope, name)
    )
    """,
    "CREATE INDEX billing_groups_by_age ON billing_groups (scope, seq)",
    "ALTER TABLE billing_groups ADD COLUMN members_until REAL",
)


def find_billing_group(context: Context, name: str) -> Row | None:
    """Return the row of a billing group, or None."""
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM billing_groups WHERE scope = ? AND name = ?", context.scope, name
    )
    return row


def require_billing_group(context: Context, name: str) -> Row:
    """Return the row of a billing group. Raises ResourceNotFound."""
    row = find_billing_group(context, name)
    if row is None:
        raise not_found(f"The billing group {name} does not exist.")
    return row


def build_billing_group_arn(context: Context, name: str) -> str:
    """Return the ARN of a billing group of this account and Region."""
    return context.build_arn(f"billinggroup/{name}")


@allow_tags("iot", "billinggroup")
def billing_group_exists(context: Context, name: str) -> bool:
    """Return whether the billing group exists."""
    return find_billing_group(context, name) is not None


@operation("iot", "CreateBillingGroup")
def create_billing_group(context: Context, params: Params) -> Output | None:
    """Create a billing group; repeating the call succeeds, but not with other properties or tags.

    Tags are compared only if the request has some, as for thing groups (UNCONFIRMED).

    Raises ResourceAlreadyExists (409), InvalidRequest for invalid tags.
    """
    name = params["billingGroupName"]
    arn = build_billing_group_arn(context, name)
    description = params.get("billingGroupProperties", {}).get("billingGroupDescription")
    tags = parse_tag_list(context, params.get("tags", []))
    row = find_billing_group(context, name)
    if row is not None:
        if row["description"] != description or (tags and read_tags(context, arn) != tags):
            raise already_exists(
                f"Billing group {name} already exists in account with different configuration",
                resource_id=row["id"],
                resource_arn=arn,
            )
        return {"billingGroupName": name, "billingGroupArn": arn, "billingGroupId": row["id"]}
    group_id = str(uuid.uuid4())
    context.tx.run(
        "INSERT INTO billing_groups (scope, name, id, description, version, created_at) VALUES (?, ?, ?, ?, 1, ?)",
        context.scope,
        name,
        group_id,
        description,
        context.now,
    )
    add_tags(context, arn, tags)
    return {"billingGroupName": name, "billingGroupArn": arn, "billingGroupId": group_id}


@operation("iot", "DescribeBillingGroup")
def describe_billing_group(context: Context, params: Params) -> Output | None:
    """Return everything about a billing group except its things and tags. Raises ResourceNotFound."""
    row = require_billing_group(context, params["billingGroupName"])
    return {
        "billingGroupName": row["name"],
        "billingGroupId": row["id"],
        "billingGroupArn": build_billing_group_arn(context, row["name"]),
        "version": row["version"],
        "billingGroupProperties": {"billingGroupDescription": row["description"]},
        "billingGroupMetadata": {"creationDate": row["created_at"]},
    }


@operation("iot", "ListBillingGroups")
def list_billing_groups(context: Context, params: Params) -> Output | None:
    """Return the billing groups in creation order: all, or those whose names start with a prefix."""
    page = REGISTRY_PAGER.start_page(context, params)
    prefix = params.get("namePrefixFilter", "")
    rows = context.tx.fetch_all(
        "SELECT seq, name FROM billing_groups WHERE scope = ? AND seq > ? AND name >= ? AND name < ?"
        " ORDER BY seq LIMIT ?",
        context.scope,
        page.after[0] if page.after else 0,
        prefix,
        build_prefix_end(prefix),
        page.limit,
    )
    return page.build_output(
        "billingGroups",
        rows,
        key=lambda row: (row["seq"],),
        item=lambda row: {
            "groupName": row["name"],
            "groupArn": build_billing_group_arn(context, row["name"]),
        },
    )


@operation("iot", "UpdateBillingGroup")
def update_billing_group(context: Context, params: Params) -> Output | None:
    """Change the description, if one is given, and return the new version; every update increases it.

    Raises ResourceNotFound, VersionConflict (409).
    """
    row = require_billing_group(context, params["billingGroupName"])
    _require_version(params, row)
    context.tx.run(
        "UPDATE billing_groups SET description = ?, version = version + 1 WHERE seq = ?",
        params["billingGroupProperties"].get("billingGroupDescription", row["description"]),
        row["seq"],
    )
    return {"version": row["version"] + 1}


@operation("iot", "DeleteBillingGroup")
def delete_billing_group(context: Context, params: Params) -> Output | None:
    """Delete a billing group; a missing group is not an error.

    AWS's service model has no ResourceNotFound for this operation.

    UNCONFIRMED: a thing in the group blocks the deletion. A client that removes the things first works either way.

    Raises InvalidRequest while a thing is in the group and for `detach_lag_seconds` after it was removed, VersionConflict (409).
    """
    row = find_billing_group(context, params["billingGroupName"])
    if row is None:
        return None
    _require_version(params, row)
    member = context.tx.fetch_one(
        "SELECT 1 FROM things WHERE scope = ? AND billing_group = ? LIMIT 1", context.scope, row["name"]
    )
    if member is not None or context.now < (row["members_until"] or 0):
        raise context.invalid(f"Cannot delete billing group {row['name']}: things are in it.")
    context.tx.run("DELETE FROM billing_groups WHERE seq = ?", row["seq"])
    delete_tags(context, build_billing_group_arn(context, row["name"]))
    return None


def _require_version(params: Params, row: Row) -> None:
    expected = params.get("expectedVersion")
    if expected is not None and expected != row["version"]:
        raise version_conflict(f"billing group {row['name']}", expected, row["version"])
