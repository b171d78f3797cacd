"""Role aliases: their table, and the operations that create, describe, list, update and delete them.

Whether the role exists is not checked.
"""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import already_exists, not_found
from reconciler.registry.paging import MARKER_PAGER
from reconciler.registry.shared.tagging import add_tags, allow_tags, delete_tags, parse_tag_list
from reconciler.registry.store import Row

SCHEMA = (
    """
    CREATE TABLE role_aliases (
      scope INTEGER NOT NULL,
      name TEXT NOT NULL,
      role TEXT NOT NULL,
      seconds INTEGER NOT NULL,
      created_at REAL NOT NULL,
      modified_at REAL NOT NULL,
      PRIMARY KEY (scope, name)
    ) WITHOUT ROWID
    """,
)

DEFAULT_SECONDS = 3600

# Sorts after every name.
_LAST_NAME = "\U0010ffff"


def find_role_alias(context: Context, name: str) -> Row | None:
    """Return the row of a role alias, or None."""
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM role_aliases WHERE scope = ? AND name = ?", context.scope, name
    )
    return row


@allow_tags("iot", "rolealias")
def role_alias_exists(context: Context, name: str) -> bool:
    """Return whether the role alias exists."""
    return find_role_alias(context, name) is not None


@operation("iot", "CreateRoleAlias")
def create_role_alias(context: Context, params: Params) -> Output | None:
    """Create a role alias. Repeating the call fails, even with the same role.

    Raises ResourceAlreadyExists (409), InvalidRequest for invalid tags.
    """
    name = params["roleAlias"]
    arn = _build_arn(context, name)
    tags = parse_tag_list(context, params.get("tags", []))
    if find_role_alias(context, name) is not None:
        raise already_exists(
            f"Role alias {name} already exists for this account", resource_id=name, resource_arn=arn
        )
    context.tx.run(
        "INSERT INTO role_aliases (scope, name, role, seconds, created_at, modified_at) VALUES (?, ?, ?, ?, ?, ?)",
        context.scope,
        name,
        params["roleArn"],
        params.get("credentialDurationSeconds", DEFAULT_SECONDS),
        context.now,
        context.now,
    )
    add_tags(context, arn, tags)
    return {"roleAlias": name, "roleAliasArn": arn}


@operation("iot", "DescribeRoleAlias")
def describe_role_alias(context: Context, params: Params) -> Output | None:
    """Return everything about a role alias except its tags. Raises ResourceNotFound."""
    row = _require_role_alias(context, params["roleAlias"])
    description = {
        "roleAlias": row["name"],
        "roleAliasArn": _build_arn(context, row["name"]),
        "roleArn": row["role"],
        "owner": context.account,
        "credentialDurationSeconds": row["seconds"],
        "creationDate": row["created_at"],
        "lastModifiedDate": row["modified_at"],
    }
    return {"roleAliasDescription": description}


@operation("iot", "ListRoleAliases")
def list_role_aliases(context: Context, params: Params) -> Output | None:
    """Return the names of all role aliases, in descending order unless `ascendingOrder`.

    Raises InvalidRequest for an invalid marker.
    """
    page = MARKER_PAGER.start_page(context, params)
    ascending = bool(params.get("ascendingOrder"))
    order, sign, start = ("ASC", ">", "") if ascending else ("DESC", "<", _LAST_NAME)
    rows = context.tx.fetch_all(
        f"SELECT name FROM role_aliases WHERE scope = ? AND name {sign} ? ORDER BY name {order} LIMIT ?",  # noqa: S608
        context.scope,
        page.after[0] if page.after else start,
        page.limit,
    )
    return page.build_output(
        "roleAliases", rows, key=lambda row: (row["name"],), item=lambda row: row["name"]
    )


@operation("iot", "UpdateRoleAlias")
def update_role_alias(context: Context, params: Params) -> Output | None:
    """Change the role or the duration; absent members stay unchanged. Raises ResourceNotFound."""
    row = _require_role_alias(context, params["roleAlias"])
    context.tx.run(
        "UPDATE role_aliases SET role = ?, seconds = ?, modified_at = ? WHERE scope = ? AND name = ?",
        params.get("roleArn", row["role"]),
        params.get("credentialDurationSeconds", row["seconds"]),
        context.now,
        context.scope,
        row["name"],
    )
    return {"roleAlias": row["name"], "roleAliasArn": _build_arn(context, row["name"])}


@operation("iot", "DeleteRoleAlias")
def delete_role_alias(context: Context, params: Params) -> Output | None:
    """Delete a role alias. Raises ResourceNotFound."""
    row = _require_role_alias(context, params["roleAlias"])
    context.tx.run("DELETE FROM role_aliases WHERE scope = ? AND name = ?", context.scope, row["name"])
    delete_tags(context, _build_arn(context, row["name"]))
    return None


def _require_role_alias(context: Context, name: str) -> Row:
    row = find_role_alias(context, name)
    if row is None:
        raise not_found(f"Role alias {name} does not exist.")
    return row


def _build_arn(context: Context, name: str) -> str:
    return context.build_arn(f"rolealias/{name}")
