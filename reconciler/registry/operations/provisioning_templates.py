"""Provisioning templates: their tables, and the operations on them.

A template has versions, one of which is the default. Its type never changes; only fleet provisioning templates have a hook.
A version's body must be a JSON object. The rest of its grammar is not checked here: RegisterThing and registration tasks check
it, but they get their template in the request and do not use the stored ones.
"""

import json
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, already_exists, not_found
from reconciler.registry.paging import REGISTRY_PAGER
from reconciler.registry.shared.tagging import add_tags, allow_tags, delete_tags, parse_tag_list
from reconciler.registry.store import Row
from reconciler.registry.templates.document import TemplateError
from reconciler.registry.templates.stored import check_stored_template

SCHEMA = (
    """
    CREATE TABLE provisioning_templates (
      seq INTEGER PRIMARY KEY,
      scope INTEGER NOT NULL,
      name TEXT NOT NULL,
      type TEXT NOT NULL,
      description TEXT,
      enabled INTEGER NOT NULL,
      role TEXT NOT NULL,
      hook TEXT,
      default_version INTEGER NOT NULL,
      last_version INTEGER NOT NULL,
      created_at REAL NOT NULL,
      modified_at REAL NOT NULL,
      UNIQUE (scope, name)
    )
    """,
    "CREATE INDEX provisioning_templates_by_age ON provisioning_templates (scope, seq)",
    """
    CREATE TABLE provisioning_template_versions (
      template INTEGER NOT NULL REFERENCES provisioning_templates (seq) ON DELETE CASCADE,
      version INTEGER NOT NULL,
      body TEXT NOT NULL,
      created_at REAL NOT NULL,
      PRIMARY KEY (template, version)
    ) WITHOUT ROWID
    """,
)

FLEET = "FLEET_PROVISIONING"
MAX_TEMPLATES = 256


def find_template(context: Context, name: str) -> Row | None:
    """Return the row of a provisioning template, or None."""
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM provisioning_templates WHERE scope = ? AND name = ?", context.scope, name
    )
    return row


def require_template(context: Context, name: str) -> Row:
    """Return the row of a provisioning template. Raises ResourceNotFound."""
    row = find_template(context, name)
    if row is None:
        raise not_found(f"The provisioning template {name} does not exist.")
    return row


def require_template_version(context: Context, template: Row, version: int) -> Row:
    """Return the row of one version of a template. Raises ResourceNotFound."""
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM provisioning_template_versions WHERE template = ? AND version = ?",
        template["seq"],
        version,
    )
    if row is None:
        raise not_found(f"The provisioning template {template['name']} has no version {version}.")
    return row


def build_template_arn(context: Context, name: str) -> str:
    """Return the ARN of a provisioning template of this account and Region."""
    return context.build_arn(f"provisioningtemplate/{name}")


def insert_template_version(context: Context, template_seq: int, version: int, body: str) -> None:
    """Insert a version of a template. Raises InvalidRequest for a body that is not valid."""
    row = context.tx.fetch_one("SELECT type FROM provisioning_templates WHERE seq = ?", template_seq)
    assert row is not None
    try:
        check_stored_template(body, row["type"])
    except TemplateError as error:
        raise context.invalid(str(error)) from error
    context.tx.run(
        "INSERT INTO provisioning_template_versions (template, version, body, created_at) VALUES (?, ?, ?, ?)",
        template_seq,
        version,
        body,
        context.now,
    )


@allow_tags("iot", "provisioningtemplate")
def template_exists(context: Context, name: str) -> bool:
    """Return whether the provisioning template exists."""
    return find_template(context, name) is not None


@operation("iot", "CreateProvisioningTemplate")
def create_provisioning_template(context: Context, params: Params) -> Output | None:
    """Create a template with version 1 as its default; repeating the call fails.

    The template is enabled only if `enabled` is true.

    Raises InvalidRequest for a hook on a JITP template, an invalid body or invalid tags, ResourceAlreadyExists (409),
    LimitExceeded (410) for a 257th template.
    """
    name = params["templateName"]
    arn = build_template_arn(context, name)
    tags = parse_tag_list(context, params.get("tags", []))
    if find_template(context, name) is not None:
        raise already_exists(f"Template with name {name} already exists", resource_id=name, resource_arn=arn)
    template_type = params.get("type", FLEET)
    hook = params.get("preProvisioningHook")
    _require_hook_allowed(context, template_type, hook)
    _require_template_limit(context)
    context.tx.run(
        "INSERT INTO provisioning_templates (scope, name, type, description, enabled, role, hook, default_version,"
        " last_version, created_at, modified_at) VALUES (?, ?, ?, ?, ?, ?, ?, 1, 1, ?, ?)",
        context.scope,
        name,
        template_type,
        params.get("description"),
        int(params.get("enabled", False)),
        params["provisioningRoleArn"],
        None if hook is None else json.dumps(hook),
        context.now,
        context.now,
    )
    insert_template_version(context, require_template(context, name)["seq"], 1, params["templateBody"])
    add_tags(context, arn, tags)
    return {"templateArn": arn, "templateName": name, "defaultVersionId": 1}


@operation("iot", "DescribeProvisioningTemplate")
def describe_provisioning_template(context: Context, params: Params) -> Output | None:
    """Return everything about a template except its tags, with its default version's body.

    Raises ResourceNotFound.
    """
    row = require_template(context, params["templateName"])
    return {
        **_to_item(context, row),
        "defaultVersionId": row["default_version"],
        "templateBody": require_template_version(context, row, row["default_version"])["body"],
        "provisioningRoleArn": row["role"],
        "preProvisioningHook": None if row["hook"] is None else json.loads(row["hook"]),
    }


@operation("iot", "ListProvisioningTemplates")
def list_provisioning_templates(context: Context, params: Params) -> Output | None:
    """Return the templates in creation order. Raises InvalidRequest for an invalid `nextToken`."""
    page = REGISTRY_PAGER.start_page(context, params)
    rows = context.tx.fetch_all(
        "SELECT * FROM provisioning_templates WHERE scope = ? AND seq > ? ORDER BY seq LIMIT ?",
        context.scope,
        page.after[0] if page.after else 0,
        page.limit,
    )
    return page.build_output(
        "templates", rows, key=lambda row: (row["seq"],), item=lambda row: _to_item(context, row)
    )


@operation("iot", "UpdateProvisioningTemplate")
def update_provisioning_template(context: Context, params: Params) -> Output | None:
    """Change the members in the request; absent members stay unchanged.

    Raises ResourceNotFound for an unknown template or default version, InvalidRequest for a hook on a JITP template, and for a
    hook together with `removePreProvisioningHook`.
    """
    row, hook = require_template(context, params["templateName"]), params.get("preProvisioningHook")
    _require_hook_allowed(context, row["type"], hook)
    if hook is not None and params.get("removePreProvisioningHook"):
        raise context.invalid("preProvisioningHook cannot be given together with removePreProvisioningHook.")
    default_version = params.get("defaultVersionId", row["default_version"])
    require_template_version(context, row, default_version)
    kept_hook = None if params.get("removePreProvisioningHook") else row["hook"]
    context.tx.run(
        "UPDATE provisioning_templates SET description = ?, enabled = ?, role = ?, hook = ?, default_version = ?,"
        " modified_at = ? WHERE seq = ?",
        params.get("description", row["description"]),
        int(params.get("enabled", row["enabled"])),
        params.get("provisioningRoleArn", row["role"]),
        kept_hook if hook is None else json.dumps(hook),
        default_version,
        context.now,
        row["seq"],
    )
    return None


@operation("iot", "DeleteProvisioningTemplate")
def delete_provisioning_template(context: Context, params: Params) -> Output | None:
    """Delete a template with all its versions.

    Raises ResourceNotFound, DeleteConflict (409) while a CA certificate's registration config names it. AWS's service model
    has DeleteConflict, but this cause is UNCONFIRMED. A client that deletes the CA certificate first works either way.
    """
    row = require_template(context, params["templateName"])
    ca_certificate = context.tx.fetch_one(
        "SELECT 1 FROM ca_certificates WHERE scope = ?"
        " AND json_extract(registration_config, '$.templateName') = ? LIMIT 1",
        context.scope,
        row["name"],
    )
    if ca_certificate is not None:
        raise ApiError(
            "DeleteConflictException", f"The provisioning template {row['name']} is used by a CA certificate."
        )
    context.tx.run("DELETE FROM provisioning_templates WHERE seq = ?", row["seq"])
    delete_tags(context, build_template_arn(context, row["name"]))
    return None


def _to_item(context: Context, row: Row) -> dict[str, Any]:
    return {
        "templateArn": build_template_arn(context, row["name"]),
        "templateName": row["name"],
        "description": row["description"],
        "creationDate": row["created_at"],
        "lastModifiedDate": row["modified_at"],
        "enabled": bool(row["enabled"]),
        "type": row["type"],
    }


def _require_hook_allowed(context: Context, template_type: str, hook: Params | None) -> None:
    if hook is not None and template_type != FLEET:
        raise context.invalid(f"Only a template of type {FLEET} can have a pre-provisioning hook.")


def _require_template_limit(context: Context) -> None:
    row = context.tx.fetch_one(
        "SELECT count(*) AS number FROM provisioning_templates WHERE scope = ?", context.scope
    )
    if row["number"] >= MAX_TEMPLATES:
        raise ApiError("LimitExceededException", f"There are at most {MAX_TEMPLATES} provisioning templates.")
